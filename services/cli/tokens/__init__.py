"""The verb `tokens`."""
