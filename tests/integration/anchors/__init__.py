"""Tests: integration anchors."""
