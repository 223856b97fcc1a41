"""Tests: integration inspection."""
