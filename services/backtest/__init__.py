"""Backtests: the core's machines over whole columns of candles, without a bus and without a store."""
