"""Anchors of the audit chain outside the database."""
