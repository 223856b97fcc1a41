"""What every service stands on: the pure core, contracts, bus, store, calendar and runtime."""
