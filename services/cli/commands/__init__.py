"""The verb `commands`."""
