"""All services in one process: the embedded shape, and the feeds that it trades."""
