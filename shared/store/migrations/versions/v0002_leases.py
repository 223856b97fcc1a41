"""Leases, signs of life, and when a message was put into the outbox."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from shared.store.clock import DatabaseClock
from shared.store.types import UtcInstant, UtcTime

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None

_Identity: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the new tables and add the outbox's time of staging; messages that wait are staged now."""
    _create_leases()
    _create_heartbeats()
    if op.get_bind().dialect.name == "sqlite":
        _replace_outbox()
    else:
        op.add_column("outbox", _staged_at())
    _create_partial_index("ix_outbox_sent", "sent_at", "sent_at IS NOT NULL")


def _create_leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        _required("holder", sa.Text),
        _required("epoch", sa.BigInteger),
        _required("expires_at", UtcInstant),
        sa.UniqueConstraint("name", "epoch", name="uq_leases_name_epoch"),
        sa.CheckConstraint("epoch >= 1", name="ck_leases_epoch"),
    )


def _create_heartbeats() -> None:
    op.create_table(
        "service_heartbeats",
        _required("service", sa.Text),
        _required("instance", sa.Text),
        _required("seen_at", UtcInstant),
        _required("detail_json", sa.Text),
        sa.PrimaryKeyConstraint("service", "instance", name="pk_service_heartbeats"),
    )


def _replace_outbox() -> None:
    # SQLite cannot add a column whose default is reckoned.
    op.drop_index("ix_outbox_unsent", "outbox")
    op.rename_table("outbox", "outbox_0001")
    op.create_table(
        "outbox",
        sa.Column("id", _Identity, primary_key=True, autoincrement=True),
        _required("message_id", sa.Text),
        _required("type", sa.Text),
        _required("version", sa.Integer),
        _required("routing_key", sa.Text),
        _required("pair", sa.Text),
        _required("stream", sa.Text),
        _required("seq", sa.BigInteger),
        _required("occurred_at", UtcTime),
        _required("correlation_id", sa.Text),
        sa.Column("causation_id", sa.Text, nullable=True),
        _required("producer", sa.Text),
        _required("body", sa.Text),
        sa.Column("sent_at", UtcTime, nullable=True),
        _staged_at(),
        sa.UniqueConstraint("message_id", name="uq_outbox_message_id"),
    )
    op.execute(
        "INSERT INTO outbox (id, message_id, type, version, routing_key, pair, stream, seq, occurred_at,"
        " correlation_id, causation_id, producer, body, sent_at)"
        " SELECT id, message_id, type, version, routing_key, pair, stream, seq, occurred_at,"
        " correlation_id, causation_id, producer, body, sent_at FROM outbox_0001"
    )
    op.drop_table("outbox_0001")
    _create_partial_index("ix_outbox_unsent", "id", "sent_at IS NULL")


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _staged_at() -> sa.Column[Any]:
    return sa.Column("staged_at", UtcInstant, nullable=False, server_default=DatabaseClock())


def _create_partial_index(name: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "outbox", [column], sqlite_where=where, postgresql_where=where)
