"""The verb `users`."""
