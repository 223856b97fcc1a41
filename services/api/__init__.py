"""The HTTP API: who may ask what, reading, commands, exports, live events."""
