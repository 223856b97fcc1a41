"""The verbs `parity` and `db`."""
