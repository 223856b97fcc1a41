"""Rows that services keep for themselves and for whoever looks after them: audit, settings, outbox, leases."""

from collections.abc import Mapping
from typing import NamedTuple

from shared.contracts.envelope import Message


class AuditEntry(NamedTuple):
    """Something to be audited: who did what, at which second, for which command, with JSON-ready details."""

    time: int
    actor: str
    action: str
    command_id: int | None
    detail: Mapping[str, object]


class AuditRow(NamedTuple):
    """An audit record exactly as it is stored and hashed."""

    id: int
    ts_utc: str
    actor: str
    action: str
    command_id: int | None
    detail_json: str
    prev_hash: str
    hash: str


class SettingRow(NamedTuple):
    """One version of a setting; versions count from 1."""

    name: str
    version: int
    body_json: str
    time: int


class SnapshotRow(NamedTuple):
    """The state of a service under a key, after it handled everything up to `seq`."""

    service: str
    key: str
    seq: int
    body_json: str


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


class LeaseRow(NamedTuple):
    """A lease by the database's clock; with `seconds_left` at 0 or below anybody may take it."""

    name: str
    holder: str
    epoch: int
    seconds_left: float


class HeartbeatRow(NamedTuple):
    """The last sign of life of a process, at `seen_at` and `age_seconds` ago by the database's clock."""

    service: str
    instance: str
    seen_at: int
    age_seconds: float
    detail_json: str
