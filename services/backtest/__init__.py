"""Whole runs over columns of candles with the same core, compiled: figures and validation."""
