"""Tests: unit ingest files."""
