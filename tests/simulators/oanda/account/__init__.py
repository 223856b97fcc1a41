"""The simulated account: what it holds, what is asked of it, and how it is shown."""
