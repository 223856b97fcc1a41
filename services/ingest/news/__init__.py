"""The week's economic calendar of a live run: fetched, remembered, read."""
