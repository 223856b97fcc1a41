"""The tables of leases and signs of life."""

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, PrimaryKeyConstraint, Table, Text, UniqueConstraint

from shared.store.tables.metadata import METADATA, required
from shared.store.types import UtcInstant

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
