"""Tests: unit backtest."""
