"""The verb `paper`."""
