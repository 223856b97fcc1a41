"""Tests: unit ingest live."""
