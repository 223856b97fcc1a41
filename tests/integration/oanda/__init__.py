"""Tests: integration oanda."""
