"""What plain SQL may write is of a known size and kind, and entries can be held for a database that was replaced."""

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

from shared.store.tables.metadata import (
    Identity,
    identity,
    no_longer_than,
    optional,
    required,
    short_times,
    whole_seconds,
)
from shared.store.types import UtcTime, WrittenTime

revision: Final = "0011"
down_revision: Final = "0010"
branch_labels: Final = None
depends_on: Final = None

_COMMANDS: Final = {
    "actor": 200,
    "type": 40,
    "payload_json": 10_000,
    "idempotency_key": 200,
    "result_json": 1_000_000,
    "claimed_by": 500,
}
_PARAMS: Final = {"section": 100, "body_json": 1_000_000, "hash": 100, "actor": 200}
_SETTINGS: Final = {"name": 200, "body_json": 30_000_000}
_WRITTEN_TIMES: Final = ("created_ts_utc", "expires_ts_utc", "started_ts_utc", "finished_ts_utc")
_LONGEST_TIME: Final = 60
_KINDS: Final = "kind IN ('pause', 'kill_switch', 'restored')"
_WAITS_OR_RUNS: Final = "status IN ('PENDING', 'RUNNING')"
_ENDED_IN_FULL: Final = (
    "(ended_seq IS NULL AND ended_ts_utc IS NULL AND ended_by IS NULL)"
    " OR (ended_seq >= since_seq AND ended_ts_utc IS NOT NULL AND ended_by IS NOT NULL)"
)


def upgrade() -> None:
    """Cut what is longer and constrain what comes; SQLite adds no constraint to a table, and gets the tables anew."""
    if op.get_bind().dialect.name == "sqlite":
        _make_anew("commands", _commands(), _COMMANDS, _short(*_WRITTEN_TIMES), ["ix_commands_unfinished"])
        _make_anew("holds", _holds(), {}, {}, ["uq_holds_one_in_force"])
        times = _in_whole_seconds("created_ts_utc", "activated_ts_utc")
        _make_anew("strategy_params", _params(), _PARAMS, times, ["ix_strategy_params_section"])
        _make_anew("settings", _settings(), _SETTINGS, _in_whole_seconds("ts_utc"), [])
        return
    for table, most in (("commands", _COMMANDS), ("strategy_params", _PARAMS), ("settings", _SETTINGS)):
        for column, characters in most.items():
            too_long = f"length({column}) > {characters}"
            op.execute(f"UPDATE {table} SET {column} = {_cut(column, characters)} WHERE {too_long}")  # noqa: S608
            op.create_check_constraint(f"ck_{table}_{column}_characters", table, f"length({column}) <= {characters}")
    op.drop_constraint("ck_holds_kind", "holds")
    op.create_check_constraint("ck_holds_kind", "holds", _KINDS)


def _make_anew(
    table: str, items: list[SchemaItem], most: Mapping[str, int], times: Mapping[str, str], indexes: list[str]
) -> None:
    for index in indexes:
        op.drop_index(index, table)
    before = f"{table}_before"
    op.rename_table(table, before)
    made = op.create_table(table, *items)
    kept = {column.name: column.name for column in made.columns}
    cut = {column: _cut(f"CAST({column} AS TEXT)", characters) for column, characters in most.items()}
    read = ", ".join({**kept, **cut, **times}.values())
    op.execute(f"INSERT INTO {table} ({', '.join(kept)}) SELECT {read} FROM {before}")  # noqa: S608
    op.drop_table(before)


def _cut(column: str, characters: int) -> str:
    # Two keys that are cut could be the same.
    otherwise = "NULL" if "idempotency_key" in column else f"substr({column}, 1, {characters})"
    return f"CASE WHEN length({column}) > {characters} THEN {otherwise} ELSE {column} END"


def _short(*columns: str) -> dict[str, str]:
    return {column: f"substr(CAST({column} AS TEXT), 1, {_LONGEST_TIME})" for column in columns}


def _in_whole_seconds(*columns: str) -> dict[str, str]:
    """Return expressions that give a time which cannot be read the beginning of all times."""
    written = "strftime('%Y-%m-%dT%H:%M:%SZ', {0})"
    anew = f"CASE WHEN {{0}} IS NULL THEN NULL ELSE coalesce({written}, '1970-01-01T00:00:00Z') END"
    return {column: anew.format(column) for column in columns}


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _commands() -> list[SchemaItem]:
    return [
        identity(),
        *required(WrittenTime, "created_ts_utc"),
        *required(sa.Text, "actor", "type", "payload_json", "status"),
        *optional(sa.Text, "idempotency_key", "result_json"),
        *optional(WrittenTime, "expires_ts_utc"),
        *optional(sa.Text, "claimed_by"),
        *optional(WrittenTime, "started_ts_utc", "finished_ts_utc"),
        sa.UniqueConstraint("type", "idempotency_key", name="uq_commands_type_idempotency_key"),
        sa.CheckConstraint(
            "status IN ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'SKIPPED')", name="ck_commands_status"
        ),
        *no_longer_than("commands", **_COMMANDS),
        *short_times("commands", *_WRITTEN_TIMES),
        sa.Index("ix_commands_unfinished", "id", **_where(_WAITS_OR_RUNS)),
    ]


def _holds() -> list[SchemaItem]:
    return [
        identity(),
        *required(sa.Text, "scope", "kind", "actor"),
        *required(UtcTime, "since_ts_utc"),
        *required(sa.BigInteger, "since_seq"),
        *optional(sa.BigInteger, "command_id"),
        *optional(UtcTime, "ended_ts_utc"),
        *optional(sa.BigInteger, "ended_seq"),
        *optional(sa.Text, "ended_by"),
        *optional(sa.BigInteger, "ended_command_id"),
        sa.CheckConstraint(_KINDS, name="ck_holds_kind"),
        sa.CheckConstraint(_ENDED_IN_FULL, name="ck_holds_ended_in_full"),
        sa.Index("uq_holds_one_in_force", "scope", "kind", unique=True, **_where("ended_seq IS NULL")),
    ]


def _params() -> list[SchemaItem]:
    return [
        sa.Column("version", Identity, primary_key=True, autoincrement=False, nullable=False),
        *required(sa.Text, "section", "body_json", "hash", "actor"),
        *required(UtcTime, "created_ts_utc"),
        *optional(UtcTime, "activated_ts_utc"),
        *optional(sa.BigInteger, "activated_command_id"),
        sa.CheckConstraint("version >= 1", name="ck_strategy_params_version"),
        *no_longer_than("strategy_params", **_PARAMS),
        *whole_seconds("strategy_params", "created_ts_utc", "activated_ts_utc"),
        sa.Index("ix_strategy_params_section", "section", "version"),
    ]


def _settings() -> list[SchemaItem]:
    return [
        *required(sa.Text, "name"),
        *required(sa.Integer, "version"),
        *required(sa.Text, "body_json"),
        *required(UtcTime, "ts_utc"),
        sa.PrimaryKeyConstraint("name", "version", name="pk_settings"),
        *no_longer_than("settings", **_SETTINGS),
        *whole_seconds("settings", "ts_utc"),
    ]
