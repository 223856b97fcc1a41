"""The verb `indicators`."""
