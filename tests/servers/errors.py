"""What can go wrong with a private server."""


class UnavailableError(Exception):
    """A server cannot run on this machine; the message says why in words that fit behind a colon."""


class ServerError(Exception):
    """A server that should run did not start, stop or answer; the message holds the end of its log."""
