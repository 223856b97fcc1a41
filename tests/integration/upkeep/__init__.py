"""Upkeep of databases, on real files and servers."""
