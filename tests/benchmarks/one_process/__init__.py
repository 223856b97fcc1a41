"""Measurements: the engine, its reader and paper trading, each in one process, and the peers."""
