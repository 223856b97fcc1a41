"""Tests: integration servers."""
