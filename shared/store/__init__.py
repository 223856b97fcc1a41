"""What outlives a process: market data, the ledger, the audit chain, the services' own state."""
