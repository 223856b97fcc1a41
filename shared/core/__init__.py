"""The trading core: pure functions over numbers, the same in live, paper and backtest."""
