"""Tests: integration runtime."""
