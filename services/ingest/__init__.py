"""Market data in: candle files, OANDA's candles and prices, the week's news, a made-up market."""
