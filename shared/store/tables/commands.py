"""The tables of what operators ask for: commands and holds."""

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Table, Text, UniqueConstraint, text

from shared.contracts.commands import (
    LONGEST_ACTOR_CHARACTERS,
    LONGEST_HOLDER_CHARACTERS,
    LONGEST_KEY_CHARACTERS,
    LONGEST_PAYLOAD_CHARACTERS,
    LONGEST_RESULT_CHARACTERS,
    LONGEST_TYPE_CHARACTERS,
    UNFINISHED,
    CommandStatus,
)
from shared.contracts.vocabulary import HoldKind
from shared.store.tables.metadata import (
    METADATA,
    Identity,
    listed,
    no_longer_than,
    one_of,
    optional,
    required,
    short_times,
)
from shared.store.types import UtcTime, WrittenTime

WAITS_OR_RUNS: Final = f"status IN ({listed(UNFINISHED)})"
IN_FORCE: Final = "ended_seq IS NULL"
_ENDED_IN_FULL: Final = (
    "(ended_seq IS NULL AND ended_ts_utc IS NULL AND ended_by IS NULL)"
    " OR (ended_seq >= since_seq AND ended_ts_utc IS NOT NULL AND ended_by IS NOT NULL)"
)

# What operators asked for. Plain SQL may insert a row: its size is checked then, and its sense when it is claimed.
COMMANDS: Final = Table(
    "commands",
    METADATA,
    Column("id", Identity, primary_key=True, autoincrement=True),
    *required(WrittenTime, "created_ts_utc"),
    *required(Text, "actor", "type", "payload_json", "status"),
    *optional(Text, "idempotency_key", "result_json"),
    *optional(WrittenTime, "expires_ts_utc"),
    *optional(Text, "claimed_by"),
    *optional(WrittenTime, "started_ts_utc", "finished_ts_utc"),
    UniqueConstraint("type", "idempotency_key", name="uq_commands_type_idempotency_key"),
    one_of("status", CommandStatus, "ck_commands_status"),
    *no_longer_than(
        "commands",
        actor=LONGEST_ACTOR_CHARACTERS,
        type=LONGEST_TYPE_CHARACTERS,
        payload_json=LONGEST_PAYLOAD_CHARACTERS,
        idempotency_key=LONGEST_KEY_CHARACTERS,
        result_json=LONGEST_RESULT_CHARACTERS,
        claimed_by=LONGEST_HOLDER_CHARACTERS,
    ),
    *short_times("commands", "created_ts_utc", "expires_ts_utc", "started_ts_utc", "finished_ts_utc"),
    Index("ix_commands_unfinished", "id", sqlite_where=text(WAITS_OR_RUNS), postgresql_where=text(WAITS_OR_RUNS)),
)

# Stops of entries, by a person or for a restored database, for the candles after `since_seq` up to `ended_seq`.
HOLDS: Final = Table(
    "holds",
    METADATA,
    Column("id", Identity, primary_key=True, autoincrement=True),
    *required(Text, "scope", "kind", "actor"),
    *required(UtcTime, "since_ts_utc"),
    *required(BigInteger, "since_seq"),
    *optional(BigInteger, "command_id"),
    *optional(UtcTime, "ended_ts_utc"),
    *optional(BigInteger, "ended_seq"),
    *optional(Text, "ended_by"),
    *optional(BigInteger, "ended_command_id"),
    one_of("kind", HoldKind, "ck_holds_kind"),
    CheckConstraint(_ENDED_IN_FULL, name="ck_holds_ended_in_full"),
    Index(
        "uq_holds_one_in_force",
        "scope",
        "kind",
        unique=True,
        sqlite_where=text(IN_FORCE),
        postgresql_where=text(IN_FORCE),
    ),
)
