"""The tables that services keep for themselves: audit, settings, cursors, snapshots, outbox, leases, signs of life."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from shared.store.clock import DatabaseClock
from shared.store.tables.metadata import METADATA, Identity, identity, optional, required
from shared.store.types import UtcInstant, UtcTime

# Who did what. The hash covers the stored characters, therefore the time is text on every database.
AUDIT_LOG: Final = Table(
    "audit_log",
    METADATA,
    Column("id", Identity, primary_key=True, autoincrement=False, nullable=False),
    *required(Text, "ts_utc", "actor", "action"),
    *optional(BigInteger, "command_id"),
    *required(Text, "detail_json", "prev_hash", "hash"),
    # What a command did is asked for by its id.
    Index(
        "ix_audit_log_command_id",
        "command_id",
        sqlite_where=text("command_id IS NOT NULL"),
        postgresql_where=text("command_id IS NOT NULL"),
    ),
    Index("ix_audit_log_ts_utc", "ts_utc", "id"),
)

# The services' own state: settings first, every version of them.
SETTINGS: Final = Table(
    "settings",
    METADATA,
    *required(Text, "name"),
    *required(Integer, "version"),
    *required(Text, "body_json"),
    *required(UtcTime, "ts_utc"),
    PrimaryKeyConstraint("name", "version", name="pk_settings"),
)

# How far a consumer has handled a stream.
CURSORS: Final = Table(
    "cursors",
    METADATA,
    *required(Text, "consumer", "stream"),
    *required(BigInteger, "seq"),
    PrimaryKeyConstraint("consumer", "stream", name="pk_cursors"),
)

# The state of a service after the fact `seq`.
SNAPSHOTS: Final = Table(
    "snapshots",
    METADATA,
    *required(Text, "service", "key"),
    *required(BigInteger, "seq"),
    *required(Text, "body_json"),
    PrimaryKeyConstraint("service", "key", name="pk_snapshots"),
)

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
    Index(
        "ix_outbox_unsent",
        "id",
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

# Who may write, until when, by the database's clock; the epoch counts the changes of the holder.
LEASES: Final = Table(
    "leases",
    METADATA,
    Column("name", Text, primary_key=True, nullable=False),
    *required(Text, "holder"),
    *required(BigInteger, "epoch"),
    *required(UtcInstant, "expires_at"),
    # On PostgreSQL only a change of a unique column waits for those who share the row's key: a new holder waits for the
    # transactions that lean on the lease, and the renewal by its holder does not.
    UniqueConstraint("name", "epoch", name="uq_leases_name_epoch"),
    CheckConstraint("epoch >= 1", name="ck_leases_epoch"),
)

# The last sign of life of every process of a service, by the database's clock.
SERVICE_HEARTBEATS: Final = Table(
    "service_heartbeats",
    METADATA,
    *required(Text, "service", "instance"),
    *required(UtcInstant, "seen_at"),
    *required(Text, "detail_json"),
    PrimaryKeyConstraint("service", "instance", name="pk_service_heartbeats"),
)
