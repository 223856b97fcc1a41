"""Rows that plain SQL wrote, of bytes that are no text or of any size: they stop nobody, and nobody who reads them."""

import sqlite3
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import BigInteger, Integer
from sqlalchemy.exc import DBAPIError

from shared.store.engine import database_url, open_engine, sqlite_url, writing
from shared.store.rows.commands import CommandFilter
from shared.store.rows.listing import Span
from shared.store.tables.commands import COMMANDS
from shared.store.tables.params import STRATEGY_PARAMS
from shared.store.tables.runtime import SETTINGS
from tests.fixtures.commanded import commanded, plain_sql, require_sound
from tests.fixtures.new_store import new_sqlite

# "José" from a terminal that speaks Latin-1.
NO_UTF8: Final = "CAST(x'4a6f73e9' AS TEXT)"
TIME: Final = "'2026-01-05T12:00:00Z'"
ROWS: Final[Mapping[str, Mapping[str, str]]] = {
    "commands": {
        "created_ts_utc": TIME,
        "actor": "'ann'",
        "type": "'PAUSE_PAIR'",
        "payload_json": """'{"pair": "EUR_USD"}'""",
        "status": "'PENDING'",
    },
    "strategy_params": {
        "version": "1",
        "section": "'risk'",
        "body_json": "'{}'",
        "hash": "'h'",
        "actor": "'ann'",
        "created_ts_utc": TIME,
    },
    "settings": {"name": "'paper_run'", "version": "2", "body_json": "'{}'", "ts_utc": TIME},
}
# Only one of a set of words is taken there.
CLOSED: Final = {("commands", "status")}


def text_columns() -> list[tuple[str, str]]:
    return [
        (table.name, column.name)
        for table in (COMMANDS, STRATEGY_PARAMS, SETTINGS)
        for column in table.columns
        if not isinstance(column.type, BigInteger | Integer)
        if (table.name, column.name) not in CLOSED
    ]


def inserting(table: str, column: str, expression: str) -> str:
    values = {**ROWS[table], column: expression}
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty store of each kind."""
    if request.param == "postgres":
        given: str = request.getfixturevalue("postgres_url")
        return given
    return new_sqlite(tmp_path / "paper.db")


@pytest.mark.parametrize(("table", "column"), text_columns())
def test_bytes_that_are_no_text_stop_no_command_after_them(tmp_path: Path, table: str, column: str) -> None:
    database = tmp_path / "paper.db"
    takes_times_alone = table != "commands" and column.endswith("ts_utc")
    with commanded(sqlite_url(database)) as desk:
        with pytest.raises(sqlite3.IntegrityError) if takes_times_alone else nullcontext():
            plain_sql(database, inserting(table, column, NO_UTF8))
        reload, pause = desk.send("RELOAD_PARAMS"), desk.send("PAUSE_ALL")
        desk.obey()
        assert desk.result(pause)[0] == "SUCCEEDED"
        # A section that was saved in part is refused, whatever else is wrong with it.
        is_saved = table == "strategy_params" and not takes_times_alone
        assert desk.result(reload)[0] == ("FAILED" if is_saved else "SUCCEEDED")
        with desk.store.reading() as reader:
            everything = reader.list_commands(Span(limit=10), CommandFilter())
            assert len(reader.list_params(["risk"], Span(limit=10))) <= 1
            assert reader.audit(100)
        assert {row.row.status for row in everything} <= {"SUCCEEDED", "FAILED"}
        if table != "settings":
            require_sound(desk.store)


@pytest.mark.parametrize(("table", "column"), text_columns())
def test_what_is_too_long_is_refused_where_it_is_written(url: str, table: str, column: str) -> None:
    engine = open_engine(database_url(url))
    on_file = engine.dialect.name == "sqlite"
    long = "hex(zeroblob(20000000))" if on_file else "repeat('x', 40000000)"
    # PostgreSQL has a type for times, and says what it was given.
    named = (
        f"ck_{table}_{column}" if on_file or not column.endswith("ts_utc") else "DatetimeFieldOverflow|type timestamp"
    )
    with pytest.raises(DBAPIError, match=named), writing(engine).begin() as connection:
        connection.exec_driver_sql(inserting(table, column, long))
    engine.dispose()


def test_a_row_that_went_past_the_constraints_is_cut_for_whoever_reads_it(tmp_path: Path) -> None:
    database = tmp_path / "paper.db"
    with commanded(sqlite_url(database)) as desk:
        connection = sqlite3.connect(database)
        connection.execute("PRAGMA ignore_check_constraints = ON")
        with connection:
            connection.execute(inserting("commands", "payload_json", "hex(zeroblob(5000000))"))
            connection.execute(inserting("commands", "actor", "hex(zeroblob(5000000))"))
            connection.execute(inserting("strategy_params", "body_json", "hex(zeroblob(5000000))"))
        connection.close()
        desk.obey()
        assert desk.result(1)[0] == "FAILED"
        assert "longer than 10000 characters" in desk.result(1)[1]["detail"]
        assert desk.result(2)[0] == "SUCCEEDED"
        with desk.store.reading() as reader:
            assert max(len(row.detail_json) for row in reader.audit(100)) < 3_000
            assert max(len(str(hold)) for hold in reader.holds()) < 1_000
            assert len(str(reader.list_commands(Span(limit=10), CommandFilter()))) < 50_000
            assert len(str(reader.list_params(["risk"], Span(limit=10)))) < 1_100_000
