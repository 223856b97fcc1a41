"""Who may ask what, and how they prove who they are."""
