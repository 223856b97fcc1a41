"""The verb `why`."""
