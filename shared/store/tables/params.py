"""The table of the parameters' versions."""

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Table, Text

from shared.contracts.commands import LONGEST_ACTOR_CHARACTERS
from shared.store.tables.metadata import METADATA, Identity, no_longer_than, optional, required, whole_seconds
from shared.store.types import UtcTime

# What may change while the platform runs: a section in full with every version. A version is in force once activated.
STRATEGY_PARAMS: Final = Table(
    "strategy_params",
    METADATA,
    Column("version", Identity, primary_key=True, autoincrement=False, nullable=False),
    *required(Text, "section", "body_json", "hash", "actor"),
    *required(UtcTime, "created_ts_utc"),
    *optional(UtcTime, "activated_ts_utc"),
    *optional(BigInteger, "activated_command_id"),
    CheckConstraint("version >= 1", name="ck_strategy_params_version"),
    *no_longer_than("strategy_params", section=100, body_json=1_000_000, hash=100, actor=LONGEST_ACTOR_CHARACTERS),
    *whole_seconds("strategy_params", "created_ts_utc", "activated_ts_utc"),
    Index("ix_strategy_params_section", "section", "version"),
)
