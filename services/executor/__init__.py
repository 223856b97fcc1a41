"""The executor service: everything that depends on the account."""
