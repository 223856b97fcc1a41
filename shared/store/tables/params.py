"""The table of the parameters' versions."""

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Table, Text

from shared.store.tables.metadata import METADATA, Identity
from shared.store.types import UtcTime

# What may change while the platform runs: a section in full with every version. A version is in force once activated.
STRATEGY_PARAMS: Final = Table(
    "strategy_params",
    METADATA,
    Column("version", Identity, primary_key=True, autoincrement=False, nullable=False),
    Column("section", Text, nullable=False),
    Column("body_json", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("created_ts_utc", UtcTime, nullable=False),
    Column("activated_ts_utc", UtcTime, nullable=True),
    Column("activated_command_id", BigInteger, nullable=True),
    CheckConstraint("version >= 1", name="ck_strategy_params_version"),
    Index("ix_strategy_params_section", "section", "version"),
)
