"""Tests: integration deployed."""
