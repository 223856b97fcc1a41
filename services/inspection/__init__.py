"""All that reads a ledger and judges or copies it: parity, doctor, CSV logs."""
