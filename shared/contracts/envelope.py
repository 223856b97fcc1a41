"""The envelope of a message: which fact, when, caused by what, and its place in a stream without gaps."""

from typing import Final, NamedTuple
from uuid import UUID, uuid5

MESSAGE_NAMESPACE: Final = UUID("6f0f7a6e-6f5c-5d0e-9c39-9b6d2f3a1c51")
ALL_PAIRS: Final = "ALL"
FACT_VERSION: Final = 1


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


class WireMessage(NamedTuple):
    """A message to be sent, as it waits in the outbox: its body is written as JSON text."""

    message_id: str
    type: str
    version: int
    routing_key: str
    pair: str
    stream: str
    seq: int
    occurred_at: int
    correlation_id: str
    causation_id: str | None
    producer: str
    body: str

    @classmethod
    def of(cls, message: Message, body: str) -> "WireMessage":
        """Return what is sent of a message whose body is written as `body`."""
        return cls(
            message_id=message.message_id,
            type=message.type,
            version=message.version,
            routing_key=message.routing_key,
            pair=message.pair,
            stream=message.stream,
            seq=message.seq,
            occurred_at=message.occurred_at,
            correlation_id=message.correlation_id,
            causation_id=message.causation_id,
            producer=message.producer,
            body=body,
        )


def fact_message(
    fact: str,
    body: object,
    *,
    stream: str,
    seq: int,
    time: int,
    pair: str,
    producer: str,
    correlation_id: str | None = None,
    causation_id: str | None = None,
) -> Message:
    """Return the message of a fact: its id follows from its place, and without a correlation it has its own."""
    identity = message_id(fact, stream, seq)
    return Message(
        message_id=identity,
        type=fact,
        version=FACT_VERSION,
        occurred_at=time,
        correlation_id=correlation_id or identity,
        causation_id=causation_id,
        producer=producer,
        stream=stream,
        seq=seq,
        pair=pair,
        body=body,
    )


def message_id(fact: str, stream: str, seq: int) -> str:
    """Return the id that a fact has whenever and however often it is sent: the UUIDv5 of its cause."""
    return str(uuid5(MESSAGE_NAMESPACE, f"{fact}/{stream}/{seq}"))


def routing_key(fact: str, stream: str, pair: str) -> str:
    """Return `<fact>.<partition>.<PAIR>`, the partition being the last word of the stream's name."""
    return f"{fact}.{stream.rpartition('.')[2]}.{pair}"
