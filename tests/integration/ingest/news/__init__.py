"""Tests: integration ingest news."""
