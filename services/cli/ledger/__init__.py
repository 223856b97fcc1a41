"""The verbs `gates`, `trades`, `positions` and `status`."""
