"""The tables of the services' own state: settings, cursors and snapshots."""

from typing import Final

from sqlalchemy import BigInteger, Integer, PrimaryKeyConstraint, Table, Text

from shared.store.tables.metadata import METADATA, required
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
