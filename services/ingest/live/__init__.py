"""Live candles and prices of OANDA, in one order and watched for gaps."""
