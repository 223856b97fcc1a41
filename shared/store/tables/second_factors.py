"""The tables of what users have beside their passwords: a device that shows codes, and codes for when it is lost."""

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Text

from shared.store.tables.metadata import METADATA, Identity, optional, required
from shared.store.types import UtcInstant

# What a user's device makes codes from, once they showed that it does; no code counts that is not newer than the last.
SECOND_FACTORS: Final = Table(
    "second_factors",
    METADATA,
    Column(
        "user_id",
        Identity,
        ForeignKey("users.id", name="fk_second_factors_user_id"),
        primary_key=True,
        nullable=False,
        autoincrement=False,
    ),
    *required(Text, "secret"),
    *required(BigInteger, "last_step"),
    *optional(UtcInstant, "confirmed_at"),
)

# Codes that each stand for the device once, by their sha256; a used one is gone.
RECOVERY_CODES: Final = Table(
    "recovery_codes",
    METADATA,
    Column("code_hash", Text, primary_key=True, nullable=False),
    Column("user_id", Identity, ForeignKey("users.id", name="fk_recovery_codes_user_id"), nullable=False),
    CheckConstraint("length(code_hash) = 64", name="ck_recovery_codes_code_hash"),
    Index("ix_recovery_codes_user_id", "user_id"),
)
