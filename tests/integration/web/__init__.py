"""The way in, over real sockets."""
