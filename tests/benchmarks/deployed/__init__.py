"""Measurements: the services over their servers, and the bare loop beside them."""
