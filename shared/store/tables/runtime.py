"""The tables of the services' own state: settings, cursors and snapshots."""

from typing import Final

from sqlalchemy import BigInteger, Integer, PrimaryKeyConstraint, Table, Text

from shared.store.tables.metadata import METADATA, no_longer_than, required, whole_seconds
from shared.store.types import UtcTime

# The services' own state: settings first, every version of them.
SETTINGS: Final = Table(
    "settings",
    METADATA,
    *required(Text, "name"),
    *required(Integer, "version"),
    *required(Text, "body_json"),
    *required(UtcTime, "ts_utc"),
    PrimaryKeyConstraint("name", "version", name="pk_settings"),
    # A calendar of many years is in one of them.
    *no_longer_than("settings", name=200, body_json=30_000_000),
    *whole_seconds("settings", "ts_utc"),
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
