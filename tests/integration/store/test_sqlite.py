"""What the store on SQLite does beyond any store: locks, triggers against replacing, and text as it was written."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.dialects import sqlite

from shared.contracts.errors import InfrastructureError, InvariantError
from shared.store.engine import sqlite_url
from shared.store.rows.audit import AuditEntry
from shared.store.schema import upgrade
from shared.store.sql.audit import verify_audit
from shared.store.sql.session import insert_statements, written_columns
from shared.store.sql_store import SqlStore, open_store
from shared.store.tables.metadata import METADATA
from tests.contract.builders import FREE, MIDNIGHT, a_candle, a_closing, an_opening


@pytest.fixture
def path(tmp_path: Path) -> Path:
    upgrade(sqlite_url(tmp_path / "paper.db"))
    return tmp_path / "paper.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    store = open_store(sqlite_url(path), busy_timeout_seconds=0.05)
    yield store
    store.close()


def test_prices_and_times_are_readable_with_plain_sql(path: Path, store: SqlStore) -> None:
    with store.transaction() as transaction:
        transaction.add_candles([a_candle()])
        transaction.open_trade(an_opening(pair="USD_JPY", entry_price=101_700, stop_loss=101_600, digits=3), FREE)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT granularity, time, bid_open, ask_close FROM candles").fetchall() == [
            ("M5", "2014-05-08T00:00:00Z", "1.38686", "1.38695")
        ]
        assert connection.execute("SELECT side, entry_price, spread_cost, status FROM trades").fetchall() == [
            ("BUY", "101.700", "0.0000", "OPEN")
        ]


def test_a_stored_granularity_that_is_none_is_named(path: Path, store: SqlStore) -> None:
    with store.transaction() as transaction:
        transaction.add_candles([a_candle()])
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE candles SET granularity = 'M7'")
    with store.reading() as reader, pytest.raises(InvariantError, match=r"a stored granularity is damaged: 'M7'"):
        reader.last_candle()


def test_a_locked_database_is_the_infrastructures_fault(path: Path, store: SqlStore) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with (
            pytest.raises(InfrastructureError, match=r"paper\.db cannot be used now: database is locked"),
            store.transaction(),
        ):
            pytest.fail("the write lock is taken at the start of the transaction")
        with store.reading() as reader:
            assert reader.candle_count() == 0
        with pytest.raises(InfrastructureError, match=r"is locked by another program"):
            open_store(sqlite_url(path), busy_timeout_seconds=0.05)


@pytest.mark.parametrize("table", ["audit_log", "trades"])
def test_history_cannot_be_replaced(path: Path, store: SqlStore, table: str) -> None:
    with store.transaction() as transaction:
        transaction.append_audit([AuditEntry(MIDNIGHT, "executor", "started", None, {})])
        transaction.open_trade(an_opening(), FREE)
        transaction.close_trade(an_opening().id, a_closing(an_opening()), FREE)
    with closing(sqlite3.connect(path)) as client, pytest.raises(sqlite3.IntegrityError, match=r"append-only|closed"):
        client.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")


def test_a_record_edited_behind_the_triggers_is_found(path: Path, store: SqlStore) -> None:
    with store.transaction() as transaction:
        transaction.append_audit([AuditEntry(MIDNIGHT, "executor", str(number), None, {}) for number in range(5)])
    with closing(sqlite3.connect(path)) as client, client:
        client.execute("DROP TRIGGER audit_log_refuses_update")
        client.execute("UPDATE audit_log SET actor = 'nobody' WHERE id = 4")
    with store.reading() as reader:
        assert verify_audit(reader.audit_in_order()).first_bad_id == 4


def test_inserts_write_every_column_in_order() -> None:
    statements = insert_statements(sqlite.dialect())
    for table in METADATA.sorted_tables:
        written = statements[table.name].few.partition("(")[2].partition(")")[0].replace('"', "").split(", ")
        assert written == written_columns(table)


def test_what_was_committed_survives_reopening(path: Path, store: SqlStore) -> None:
    with store.transaction() as transaction:
        transaction.add_candles([a_candle()])
    store.close()
    with closing(open_store(sqlite_url(path))) as reopened, reopened.reading() as reader:
        assert reader.last_candle() == a_candle()
