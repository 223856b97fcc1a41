"""The way out to servers of others: through which proxy, and by which certificates they are believed."""
