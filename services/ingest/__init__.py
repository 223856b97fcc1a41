"""Market data: candle files, their checks and gaps, and the demo market."""
