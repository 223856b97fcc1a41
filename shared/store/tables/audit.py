"""The table of the audit log."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Table, Text, text

from shared.store.tables.metadata import METADATA, Identity, optional, required

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
