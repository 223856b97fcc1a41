"""Tests: unit oanda."""
