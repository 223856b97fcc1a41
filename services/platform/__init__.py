"""All services in one process: the embedded shape."""
