"""The executor's own parts, without a store."""
