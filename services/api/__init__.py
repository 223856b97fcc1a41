"""The HTTP API: who may ask what, what the store holds, and what happens now."""
