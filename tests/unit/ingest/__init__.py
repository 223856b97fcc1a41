"""Tests: unit ingest."""
