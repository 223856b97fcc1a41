"""The strategy service: everything that depends on the market alone."""
