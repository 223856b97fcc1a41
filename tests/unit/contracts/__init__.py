"""Tests: unit contracts."""
