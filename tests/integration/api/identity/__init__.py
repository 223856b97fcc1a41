"""Tests: integration api identity."""
