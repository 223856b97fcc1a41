"""Tests: unit ingest news."""
