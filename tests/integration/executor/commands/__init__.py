"""Tests: integration executor commands."""
