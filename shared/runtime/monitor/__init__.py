"""What monitors are answered over HTTP, on a port of its own."""
