"""Signed lines outside the database that say how far the audit chain had come."""
