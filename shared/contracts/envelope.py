"""The envelope of a message: which fact, when, caused by what, and its place in a stream without gaps."""

from typing import Final, NamedTuple
from uuid import UUID, uuid5

MESSAGE_NAMESPACE: Final = UUID("6f0f7a6e-6f5c-5d0e-9c39-9b6d2f3a1c51")
ALL_PAIRS: Final = "ALL"


class Message(NamedTuple):
    """One fact on its way: `type` such as `candle.closed`, `occurred_at` in seconds, `body` a struct of the contracts.

    `stream` is named `<what>.<partition>`, `seq` counts from 1 in it without gaps, `pair` is ALL_PAIRS for a fact of
    the whole account. `correlation_id` is the id of the candle's own message, `causation_id` that of the direct cause.
    """

    message_id: str
    type: str
    version: int
    occurred_at: int
    correlation_id: str
    causation_id: str | None
    producer: str
    stream: str
    seq: int
    pair: str
    body: object

    @property
    def routing_key(self) -> str:
        """Return `<fact>.<partition>.<PAIR>`."""
        return routing_key(self.type, self.stream, self.pair)


def message_id(fact: str, stream: str, seq: int) -> str:
    """Return the id that a fact has whenever and however often it is sent: the UUIDv5 of its cause."""
    return str(uuid5(MESSAGE_NAMESPACE, f"{fact}/{stream}/{seq}"))


def routing_key(fact: str, stream: str, pair: str) -> str:
    """Return `<fact>.<partition>.<PAIR>`, the partition being the last word of the stream's name."""
    return f"{fact}.{stream.rpartition('.')[2]}.{pair}"
