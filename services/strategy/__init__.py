"""All that depends on the market alone: indicators, market state, signal, gates 1, 2, 3, 6, 7."""
