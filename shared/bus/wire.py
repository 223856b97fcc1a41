"""A message on the wire of RabbitMQ: its envelope in properties and headers, its fact as JSON text."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from pika.spec import BasicProperties

from shared.contracts.envelope import Message, WireMessage
from shared.contracts.errors import MessageError

# A message of this type only shows that a queue works; consumers pass over it.
CANARY: Final = "bus.canary"
LONGEST_BODY_BYTES: Final = 262_144
_PERSISTENT: Final = 2

Decode: TypeAlias = Callable[[str, int, bytes], object]


def properties_of(message: WireMessage) -> BasicProperties:
    """Return the properties under which a message is stored by the broker."""
    headers: dict[str, str | int] = {
        "version": message.version,
        "stream": message.stream,
        "seq": message.seq,
        "pair": message.pair,
        "producer": message.producer,
    }
    if message.causation_id is not None:
        headers["causation_id"] = message.causation_id
    return BasicProperties(
        content_type="application/json",
        delivery_mode=_PERSISTENT,
        message_id=message.message_id,
        type=message.type,
        timestamp=message.occurred_at,
        correlation_id=message.correlation_id,
        headers=headers,
    )


def message_of(properties: BasicProperties, body: bytes, decode: Decode) -> Message:
    """Read a message; `decode` makes the fact of type, version and text.

    Raises MessageError where the envelope is not whole, the body is longer than 256 KiB, or `decode` says so.
    """
    if len(body) > LONGEST_BODY_BYTES:
        raise MessageError(f"a body of {len(body)} bytes is longer than {LONGEST_BODY_BYTES}")
    headers: Mapping[str, Any] = properties.headers or {}
    version = _whole(headers, "version")
    fact = _text({"type": properties.type}, "type")
    causation_id = headers.get("causation_id")
    return Message(
        message_id=_text({"message_id": properties.message_id}, "message_id"),
        type=fact,
        version=version,
        occurred_at=_whole({"timestamp": properties.timestamp}, "timestamp"),
        correlation_id=_text({"correlation_id": properties.correlation_id}, "correlation_id"),
        causation_id=None if causation_id is None else _text(headers, "causation_id"),
        producer=_text(headers, "producer"),
        stream=_text(headers, "stream"),
        seq=_whole(headers, "seq"),
        pair=_text(headers, "pair"),
        body=decode(fact, version, body),
    )


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise MessageError(f"the envelope lacks {name}")
    return value


def _whole(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise MessageError(f"the envelope lacks {name}")
    return value
