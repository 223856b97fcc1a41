"""The verb `backtest`."""
