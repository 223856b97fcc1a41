"""Messages that wait in the outbox."""

from typing import NamedTuple

from shared.contracts.envelope import Message


class OutboxRow(NamedTuple):
    """A message to be sent, with its body as JSON text."""

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
    def of(cls, message: Message, body: str) -> "OutboxRow":
        """Return the row for a message whose body is written as `body`."""
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


class StagedMessage(NamedTuple):
    """A message waiting in the outbox under its row id."""

    id: int
    row: OutboxRow
