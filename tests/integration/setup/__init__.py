"""Tests: set-up of a checkout."""
