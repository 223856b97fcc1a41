"""How the account stands and who trades on it, as the command line, the API and the screen tell it."""
