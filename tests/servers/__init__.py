"""Private RabbitMQ and PostgreSQL servers that the tests start, break and throw away."""
