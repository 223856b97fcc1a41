"""What the API does when many ask at once."""
