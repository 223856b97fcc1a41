"""Tests: integration executor."""
