"""The verb `bus`."""
