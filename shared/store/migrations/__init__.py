"""The way from every earlier schema to the current one, one revision after the other."""
