"""The verb `data`."""
