"""Tests: integration bus."""
