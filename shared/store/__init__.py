"""What outlives a process: market data, assessments, the ledger, the audit chain and the services' own state."""
