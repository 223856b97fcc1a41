"""Rows of the store as values, a module for each theme."""
