"""Tests: parity."""
