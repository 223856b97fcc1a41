"""Errors split by whose fault they are."""


class InputError(Exception):
    """The user's input or configuration is wrong; the message is one sentence saying what, where and how to mend it."""


class InfrastructureError(Exception):
    """A server or disk did not do its part; trying again later may succeed."""


class MessageError(Exception):
    """A message from a peer cannot be understood; it belongs in the dead-letter queue."""


class InvariantError(Exception):
    """Our own promise is broken; stop, so that the start-up path can recover from what is stored."""


class LeaseLostError(Exception):
    """Another process leads now; step back, write nothing, and wait for the lease to come free."""


def shortened(text: str, longest: int = 60) -> str:
    """Return a text of somebody else's as a message quotes it: its beginning, where it is long."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
