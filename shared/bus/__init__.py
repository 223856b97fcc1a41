"""How facts travel: in memory in one process, over RabbitMQ between many."""
