"""Tests: unit core."""
