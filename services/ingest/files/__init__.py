"""Candle files: reading, checking, continuing and writing them; downloads."""
