"""All that depends on the account: fills, halts, gates 4 and 5, the decision, sizing, commands."""
