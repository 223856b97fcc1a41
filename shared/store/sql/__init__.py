"""The store's themes in SQL."""
