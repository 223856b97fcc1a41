"""Tests: integration platform."""
