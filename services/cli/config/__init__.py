"""The verb `config`."""
