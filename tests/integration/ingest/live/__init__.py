"""Tests: integration ingest live."""
