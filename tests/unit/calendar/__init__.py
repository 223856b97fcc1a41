"""Tests: unit calendar."""
