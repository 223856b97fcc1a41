"""What every service runs on: consumers, outbox and relay, the lease, health, logs, figures."""
