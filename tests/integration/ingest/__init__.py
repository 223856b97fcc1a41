"""Tests: integration ingest."""
