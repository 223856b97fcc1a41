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
    required("ts_utc", Text),
    required("actor", Text),
    required("action", Text),
    optional("command_id", BigInteger),
    required("detail_json", Text),
    required("prev_hash", Text),
    required("hash", Text),
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
    required("name", Text),
    required("version", Integer),
    required("body_json", Text),
    required("ts_utc", UtcTime),
    PrimaryKeyConstraint("name", "version", name="pk_settings"),
)


# How far a consumer has handled a stream.
CURSORS: Final = Table(
    "cursors",
    METADATA,
    required("consumer", Text),
    required("stream", Text),
    required("seq", BigInteger),
    PrimaryKeyConstraint("consumer", "stream", name="pk_cursors"),
)


# The state of a service after the fact `seq`.
SNAPSHOTS: Final = Table(
    "snapshots",
    METADATA,
    required("service", Text),
    required("key", Text),
    required("seq", BigInteger),
    required("body_json", Text),
    PrimaryKeyConstraint("service", "key", name="pk_snapshots"),
)


# Messages that were decided together with their effect and are sent after the commit.
OUTBOX: Final = Table(
    "outbox",
    METADATA,
    identity(),
    required("message_id", Text),
    required("type", Text),
    required("version", Integer),
    required("routing_key", Text),
    required("pair", Text),
    required("stream", Text),
    required("seq", BigInteger),
    required("occurred_at", UtcTime),
    required("correlation_id", Text),
    optional("causation_id", Text),
    required("producer", Text),
    required("body", Text),
    optional("sent_at", UtcTime),
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
    required("holder", Text),
    required("epoch", BigInteger),
    required("expires_at", UtcInstant),
    # On PostgreSQL only a change of a unique column waits for those who share the row's key: a new holder waits for the
    # transactions that lean on the lease, and the renewal by its holder does not.
    UniqueConstraint("name", "epoch", name="uq_leases_name_epoch"),
    CheckConstraint("epoch >= 1", name="ck_leases_epoch"),
)


# The last sign of life of every process of a service, by the database's clock.
SERVICE_HEARTBEATS: Final = Table(
    "service_heartbeats",
    METADATA,
    required("service", Text),
    required("instance", Text),
    required("seen_at", UtcInstant),
    required("detail_json", Text),
    PrimaryKeyConstraint("service", "instance", name="pk_service_heartbeats"),
)
