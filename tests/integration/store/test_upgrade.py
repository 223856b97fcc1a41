"""How a schema is changed, shown with a step of the tests' own, and what is refused: on SQLite and on PostgreSQL.

A real step gets a test like these: rows of the schema before are kept, and the program goes on with them.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import MetaData

from services.cli import main
from shared.contracts.errors import InputError
from shared.store import schema
from shared.store.engine import database_url, open_engine, sqlite_url, writing
from shared.store.port import Transaction
from shared.store.rows.audit import AuditEntry
from shared.store.rows.ledger import DailyStatsRow, EquityRow
from shared.store.rows.market import CandleGapRow, RejectedCandleRow
from shared.store.rows.runtime import SnapshotRow
from shared.store.schema import DRAFTS, STEPS, SchemaState, Steps, check, upgrade
from shared.store.sql.audit import verify_audit
from shared.store.sql_store import open_store
from tests.contract.builders import (
    FREE,
    M5,
    MIDNIGHT,
    STREAM,
    a_candle,
    a_closing,
    a_gate_snapshot,
    a_position,
    an_assessment,
    an_event,
    an_opening,
    an_outgoing,
)
from tests.fixtures.new_store import new_sqlite
from tests.integration.store.before_columns import add_before
from tests.integration.store.test_postgres import at_once

SEQS: Final = range(1, 8)
NEXT: Final = "1000"
STEP: Final = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{NEXT}", "{STEPS.current}", None, None


def upgrade():
    op.add_column("equity", sa.Column("origin", sa.Text, nullable=True))
    op.execute("UPDATE equity SET origin = 'before'")
"""
BROKEN: Final = STEP + "    op.execute('UPDATE nothing SET at = 1')\n"


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database of the first schema with rows in every table that had them before users came."""
    url = new_sqlite(tmp_path / "paper.db") if request.param == "SQLite" else request.getfixturevalue("postgres_url")
    with closing(open_store(url)) as store, store.transaction() as transaction:
        add_some_of_everything(transaction)
        transaction.add_gate_snapshots([a_gate_snapshot(seq) for seq in SEQS])
        transaction.add_assessments([an_assessment(seq) for seq in SEQS])
    return str(url)


def knows(step: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program know one step more."""
    folder = folder / "steps"
    folder.mkdir()
    (folder / "v1000_origin.py").write_text(step)
    monkeypatch.setattr(schema, "STEPS", Steps((*STEPS.folders, str(folder)), (*STEPS.versions, NEXT)))


def add_some_of_everything(transaction: Transaction) -> None:
    euro, yen = an_opening("euro"), an_opening("yen", pair="USD_JPY", entry_price=101_700, stop_loss=101_600)
    transaction.add_rejected([RejectedCandleRow("sample.csv", 17, "high below low", "2014-05-08,1,2", "EUR_USD")])
    transaction.add_gaps([CandleGapRow("EUR_USD", 300, MIDNIGHT, MIDNIGHT + 600, 2, "no_ticks")])
    transaction.add_candles([a_candle(seq) for seq in SEQS])
    transaction.add_equity([EquityRow(7, MIDNIGHT, 100_000_000, 99_999_999)])
    transaction.open_trade(euro, FREE)
    transaction.close_trade(euro.id, a_closing(euro), FREE)
    transaction.open_trade(yen, FREE)
    transaction.replace_positions([a_position(yen)])
    transaction.add_account_events([an_event(1), an_event(2, pair=None)])
    transaction.save_daily_stats([DailyStatsRow(16_198, 100_000_000, 99_000_000, -1_000_000, 3, 1, 2, 0.0125, False)])
    transaction.append_audit([AuditEntry(MIDNIGHT + seq, "ann", "PAUSE_PAIR", seq, {"ü": seq}) for seq in SEQS])
    transaction.save_setting("risk", '{"percent":"0.5"}', MIDNIGHT)
    transaction.save_cursor("strategy", STREAM, 7)
    transaction.save_snapshots([SnapshotRow("strategy", "EUR_USD", 7, "[1.5,null]")])
    transaction.stage_outbox([an_outgoing(1), an_outgoing(2)])


def rows_of(url: str, columns: dict[str, list[str]] | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """Return what all tables hold, in the columns given or in all."""
    engine = open_engine(database_url(url))
    with engine.connect() as connection:
        metadata = MetaData()
        metadata.reflect(connection)
        tables = {name: table for name, table in metadata.tables.items() if name != "alembic_version"}
        listed = columns or {name: [column.name for column in table.columns] for name, table in tables.items()}
        rows = {
            name: sorted(connection.exec_driver_sql(f"SELECT {', '.join(names)} FROM {name}").all(), key=repr)
            for name, names in listed.items()
        }
    engine.dispose()
    return {name: [tuple(row) for row in found] for name, found in rows.items()}


def columns_of(url: str) -> dict[str, list[str]]:
    engine = open_engine(database_url(url))
    metadata = MetaData()
    metadata.reflect(engine)
    engine.dispose()
    return {
        name: [column.name for column in table.columns]
        for name, table in metadata.tables.items()
        if name != "alembic_version"
    }


def test_a_step_keeps_every_row(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = columns_of(url)
    before = rows_of(url, columns)
    knows(STEP, tmp_path, monkeypatch)
    assert check(url) == (SchemaState.OLDER, STEPS.current, NEXT)
    assert upgrade(url) == (SchemaState.OLDER, STEPS.current, NEXT)
    assert check(url) == (SchemaState.CURRENT, NEXT, NEXT)
    assert rows_of(url, columns) == before
    assert rows_of(url, {"equity": ["seq", "origin"]}) == {"equity": [(7, "before")]}


@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_a_database_of_the_first_schema_is_upgraded_with_all_its_rows(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if kind == "SQLite":
        old = sqlite_url(tmp_path / "first.db")
    else:
        server = request.getfixturevalue("postgres_server")
        old = server.url(server.new_database())
    with monkeypatch.context() as before_it:
        before_it.setattr(schema, "STEPS", Steps(STEPS.folders, ("0009",)))
        upgrade(old)
        with closing(open_store(old)) as store, store.transaction() as transaction:
            add_some_of_everything(transaction)
    engine = open_engine(database_url(old))
    with writing(engine).begin() as connection:
        add_before(connection, [an_assessment(seq) for seq in SEQS], [a_gate_snapshot(seq) for seq in SEQS])
    engine.dispose()
    kept = {name: rows for name, rows in rows_of(old).items() if name not in ("assessments", "gate_snapshots")}
    assert check(old) == (SchemaState.OLDER, "0009", STEPS.current)
    assert upgrade(old) == (SchemaState.OLDER, "0009", STEPS.current)
    now = rows_of(old)
    assert {name: now[name] for name in kept} == kept
    with closing(open_store(old)) as store, store.transaction() as transaction:
        waiting = transaction.unsent_outbox(10, an_outgoing(1).producer, an_outgoing(1).stream)
        assert [each.row for each in waiting] == [an_outgoing(1), an_outgoing(2)]
        assert transaction.assessments_after(0, 10) == [an_assessment(seq) for seq in SEQS]
        assert transaction.gate_snapshots_after(0, 10) == [a_gate_snapshot(seq) for seq in SEQS]


def test_rows_that_went_past_what_a_schema_allows_now_are_cut_and_keep_nobody_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "tenth.db"
    old = sqlite_url(database)
    with monkeypatch.context() as before_it:
        before_it.setattr(schema, "STEPS", Steps(STEPS.folders, ("0009", "0010")))
        upgrade(old)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO commands (created_ts_utc, actor, type, payload_json, status, idempotency_key) VALUES "
            "('yesterday', CAST(x'4a6f73e9' AS TEXT), 'PAUSE_ALL', x'7b7d', 'PENDING', 'k'), "
            "('2026-01-05', hex(zeroblob(500)), 'PAUSE_ALL', hex(zeroblob(20000)), 'PENDING', hex(zeroblob(500)))"
        )
        connection.execute("INSERT INTO settings VALUES ('risk', 1, '{}', 'yesterday')")
    upgrade(old)
    with closing(open_store(old)) as store, store.reading() as reader:
        first, second = reader.command(1), reader.command(2)
        assert first is not None
        assert second is not None
        assert (first.actor, first.payload_json, first.idempotency_key) == ("Jos\N{REPLACEMENT CHARACTER}", "{}", "k")
        assert (len(second.actor), len(second.payload_json), second.idempotency_key) == (200, 10_000, None)
        risk = reader.setting("risk")
        assert risk is not None
        assert (risk.body_json, risk.time) == ("{}", 0)


@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_who_was_signed_in_when_csrf_tokens_were_kept_stays_signed_in(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    old = sqlite_url(tmp_path / "old.db") if kind == "SQLite" else request.getfixturevalue("empty_postgres_url")
    with monkeypatch.context() as before_it:
        before_it.setattr(schema, "STEPS", Steps(STEPS.folders, ("0009", "0010", "0011", "0013", "0014")))
        upgrade(old)
    engine = open_engine(database_url(old))
    with writing(engine).begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO users (name, role, password_hash, disabled, created_at) "
            "VALUES ('ann', 'viewer', '$argon2id$', false, '2026-01-05T09:00:00Z')"
        )
        connection.exec_driver_sql(
            "INSERT INTO sessions (token_hash, id, user_id, csrf_token, address, created_at, confirmed_until, idle_at,"
            f" expires_at) SELECT '{'a' * 64}', 'first', id, 'csrf', '127.0.0.1', '2026-01-05T09:00:00Z',"
            " '2026-01-05T09:00:00Z', '2999-01-05T09:00:00Z', '2999-01-05T09:00:00Z' FROM users"
        )
    engine.dispose()
    upgrade(old)
    with closing(open_store(old)) as store, store.reading() as reader:
        session = reader.session("a" * 64)
        assert session is not None
        assert (session.name, session.id) == ("ann", "first")


def test_the_program_goes_on_with_an_upgraded_database(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knows(STEP, tmp_path, monkeypatch)
    upgrade(url)
    with closing(open_store(url)) as store, store.transaction() as transaction:
        assert [each.row for each in transaction.unsent_outbox(10)] == [an_outgoing(1), an_outgoing(2)]
        transaction.append_audit([AuditEntry(MIDNIGHT, "ann", "upgraded", None, {})])
        assert verify_audit(transaction.audit_in_order()).rows == 8
        transaction.add_equity([EquityRow(8, MIDNIGHT + M5, 99_000_000, 99_000_000)])
        assert [row.seq for row in transaction.equity_in_order()] == [7, 8]
        assert list(transaction.candles_in_order()) == [a_candle(seq) for seq in SEQS]


def test_history_is_still_guarded_after_a_step(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    knows(STEP, tmp_path, monkeypatch)
    upgrade(url)
    engine = open_engine(database_url(url))
    for statement in ("UPDATE audit_log SET actor = 'nobody'", "DELETE FROM trades WHERE status = 'CLOSED'"):
        with pytest.raises(Exception, match=r"append-only|closed trade"), writing(engine).begin() as connection:
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_a_step_that_fails_leaves_the_database_as_it_was(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows_of(url)
    with monkeypatch.context() as newer:
        knows(BROKEN, tmp_path, newer)
        with pytest.raises(Exception, match="nothing"):
            upgrade(url)
    assert rows_of(url) == before
    assert check(url).state is SchemaState.CURRENT
    open_store(url).close()


def test_a_step_that_two_begin_at_once_is_taken_once(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    knows(STEP, tmp_path, monkeypatch)
    assert SchemaState.OLDER in at_once(2, lambda _number: upgrade(url).state)
    assert check(url).state is SchemaState.CURRENT


def test_an_older_database_is_not_opened(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    knows(STEP, tmp_path, monkeypatch)
    with pytest.raises(InputError, match=rf"has schema {STEPS.current} instead of {NEXT}: run `scalpbot db upgrade`"):
        open_store(url)


@pytest.mark.parametrize("draft", DRAFTS)
def test_a_database_of_before_the_first_release_is_left_as_it_is(tmp_path: Path, draft: str) -> None:
    url = a_draft(tmp_path, draft)
    before = rows_of(url)
    assert check(url) == (SchemaState.DRAFT, draft, STEPS.current)
    for attempt in (upgrade, open_store):
        with pytest.raises(InputError, match=rf"has schema {draft}, made before the first release.* name another"):
            attempt(url)
    assert rows_of(url) == before


@pytest.mark.parametrize(
    "verb",
    [
        "paper --mode OFFLINE --csv tests/fixtures/sample/EUR_USD_M5_sample.csv",
        "up --no-api --feed replay --csv tests/fixtures/sample/EUR_USD_M5_sample.csv",
        "db upgrade",
        "db check",
        "doctor",
        "parity",
        "audit verify",
        "trades",
        "users list",
        "commands list",
    ],
)
def test_every_verb_says_how_to_go_on_without_a_draft(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    path = database_url(a_draft(tmp_path, DRAFTS[-1])).database
    before = Path(str(path)).read_bytes()
    assert main([*verb.split(), "--db", str(path)]) in (2, 3)
    told = capsys.readouterr()
    assert "made before the first release" in told.out + told.err
    assert "name another database, into which its candle files can be replayed" in told.out + told.err
    assert Path(str(path)).read_bytes() == before


def a_draft(folder: Path, version: str) -> str:
    """Make a database that says of itself that it has an old schema, and return its URL."""
    path = folder / "paper.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("CREATE TABLE candles (id INTEGER PRIMARY KEY)")
        connection.execute(f"INSERT INTO alembic_version VALUES ('{version}')")
    return sqlite_url(path)
