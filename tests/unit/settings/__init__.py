"""Tests: unit settings."""
