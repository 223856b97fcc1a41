"""Tests: unit ingest demo."""
