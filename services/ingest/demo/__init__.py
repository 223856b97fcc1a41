"""An endless made-up market and its news."""
