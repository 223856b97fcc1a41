"""Indicators as machines that take one candle at a time; a reading is NaN until it is valid."""
