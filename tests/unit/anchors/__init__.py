"""Tests: unit anchors."""
