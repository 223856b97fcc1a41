"""Tests: unit mutants."""
