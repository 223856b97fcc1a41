"""The table of messages that were decided together with their effect."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, UniqueConstraint, text

from shared.store.clock import DatabaseClock
from shared.store.tables.metadata import METADATA, identity, optional, required
from shared.store.types import UtcInstant, UtcTime

# Messages that were decided together with their effect and are sent after the commit.
OUTBOX: Final = Table(
    "outbox",
    METADATA,
    identity(),
    *required(Text, "message_id", "type"),
    *required(Integer, "version"),
    *required(Text, "routing_key", "pair", "stream"),
    *required(BigInteger, "seq"),
    *required(UtcTime, "occurred_at"),
    *required(Text, "correlation_id"),
    *optional(Text, "causation_id"),
    *required(Text, "producer", "body"),
    *optional(UtcTime, "sent_at"),
    # By the database's clock, and left to it: a replayed fact may have occurred years ago.
    Column("staged_at", UtcInstant, nullable=False, server_default=DatabaseClock()),
    UniqueConstraint("message_id", name="uq_outbox_message_id"),
    # A relay looks for its own messages, however many of others wait.
    Index(
        "ix_outbox_unsent_of_producer",
        "producer",
        "id",
        "stream",
        sqlite_where=text("sent_at IS NULL"),
        postgresql_where=text("sent_at IS NULL"),
    ),
    Index(
        "ix_outbox_sent",
        "sent_at",
        sqlite_where=text("sent_at IS NOT NULL"),
        postgresql_where=text("sent_at IS NOT NULL"),
    ),
)
