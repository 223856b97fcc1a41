"""Measurements: the API."""
