"""The verb `dlq`."""
