"""Tests: unit bus."""
