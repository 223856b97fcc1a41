"""How facts travel between services: one port, and an adapter for one process."""
