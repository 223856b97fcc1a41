"""Tests: unit runtime."""
