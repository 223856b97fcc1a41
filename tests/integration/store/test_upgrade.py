"""A database that an older program filled keeps every row when it is upgraded, on SQLite and on PostgreSQL."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData

from shared.contracts.errors import InputError
from shared.contracts.times import format_time
from shared.core.types import REASON_NAMES, SIDE_NAMES
from shared.store.engine import database_url, open_engine, sqlite_url, writing
from shared.store.port import Transaction
from shared.store.rows.commands import NewCommand
from shared.store.rows.ledger import AppliedQuoteRow, DailyStatsRow, EquityRow
from shared.store.rows.market import CandleGapRow, RejectedCandleRow
from shared.store.rows.runtime import AuditEntry, SnapshotRow
from shared.store.schema import CURRENT_VERSION, SchemaState, check, upgrade
from shared.store.sql.audit import verify_audit
from shared.store.sql_store import SqlStore, open_store
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

FIRST = "0001"
SEQS = range(1, 8)
_EQUITY = "INSERT INTO equity VALUES (1, '2014-05-08T00:00:00Z', '10000.0000', '9999.9999')"
_CANDLE = (
    "INSERT INTO candles (stream, seq, pair, granularity, time, bid_open, bid_high, bid_low, bid_close,"
    " ask_open, ask_high, ask_low, ask_close, volume) VALUES ('candles.0', {seq}, 'EUR_USD', 'M5', '{time}',"
    " '1.38686', '1.38690', '1.38680', '1.38685', '1.38696', '1.38700', '1.38690', '1.38695', 12.0)"
)
_GATES = (
    "INSERT INTO gate_snapshots (ts_utc, pair, strategy, final_signal, reason, failed_gates, stream, seq, granularity,"
    " candle_time, verdicts_json, indicators_json, params_hash) VALUES ('{time}', '{pair}', '{strategy}', '{signal}',"
    " '{why}', {failed_gates}, '{stream}', {seq}, '{granularity}', '{candle_time}', '{verdicts_json}',"
    " '{indicators_json}', '{params_hash}')"
)


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database without a schema."""
    if request.param == "SQLite":
        return sqlite_url(tmp_path / "paper.db")
    return str(request.getfixturevalue("empty_postgres_url"))


def make(url: str, version: str) -> None:
    """Bring an empty database to an older schema."""
    config = Config()
    config.set_main_option("script_location", "shared.store:migrations")
    engine = open_engine(database_url(url))
    with writing(engine).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    engine.dispose()


def fill(url: str) -> None:
    """Write rows of every kind as an older program did, whose tables have fewer columns than ours."""
    engine = open_engine(database_url(url))
    with closing(SqlStore(engine)) as store:
        with store.transaction() as transaction:
            add_some_of_everything(transaction)
        with writing(engine).begin() as connection:
            connection.exec_driver_sql("UPDATE outbox SET sent_at = occurred_at WHERE id = 1")
            connection.exec_driver_sql(_EQUITY)
            for seq in SEQS:
                connection.exec_driver_sql(_CANDLE.format(seq=seq, time=format_time(a_candle(seq).candle.time)))
                connection.exec_driver_sql(_GATES.format(**_gate_fields(seq)))


def _gate_fields(seq: int) -> dict[str, object]:
    row = a_gate_snapshot(seq)
    times = {"time": format_time(row.time), "candle_time": format_time(row.candle_time)}
    return {**row._asdict(), **times, "signal": SIDE_NAMES[row.final_signal], "why": REASON_NAMES[row.reason]}


def add_some_of_everything(transaction: Transaction) -> None:
    euro, yen = an_opening("euro"), an_opening("yen", pair="USD_JPY", entry_price=101_700, stop_loss=101_600)
    transaction.add_rejected([RejectedCandleRow("sample.csv", 17, "high below low", "2014-05-08,1,2", "EUR_USD")])
    transaction.add_gaps([CandleGapRow("EUR_USD", "M5", MIDNIGHT, MIDNIGHT + 600, 2, "no_ticks")])
    transaction.add_assessments([an_assessment(seq) for seq in SEQS])
    transaction.open_trade(euro, FREE)
    transaction.close_trade(a_closing(euro), FREE)
    transaction.open_trade(yen, FREE)
    transaction.replace_positions([a_position(yen)])
    transaction.add_account_events([an_event(1), an_event(2, pair=None)])
    transaction.save_daily_stats([DailyStatsRow(16_198, 100_000_000, 99_000_000, -1_000_000, 3, 1, 2, 0.0125, False)])
    transaction.append_audit([AuditEntry(MIDNIGHT + seq, "ann", "PAUSE_PAIR", seq, {"ü": seq}) for seq in SEQS])
    transaction.save_setting("risk", '{"percent":"0.5"}', MIDNIGHT)
    transaction.save_cursor("strategy", STREAM, 7)
    transaction.save_cursor("executor", "assessed.0", 5)
    transaction.save_snapshots([SnapshotRow("strategy", "EUR_USD", 7, "[1.5,null]")])
    transaction.stage_outbox([an_outgoing(1), an_outgoing(2, causation_id="cause")])


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


def test_every_row_of_the_first_schema_is_kept(url: str) -> None:
    make(url, FIRST)
    fill(url)
    columns = columns_of(url)
    before = rows_of(url, columns)
    assert all(before.values()), "a table without rows proves nothing"
    assert upgrade(url) == (SchemaState.OLDER, FIRST, CURRENT_VERSION)
    after = rows_of(url, columns)
    # The executor's cursor is over all partitions now.
    assert after.pop("cursors") == [("executor", "assessed", 5), ("strategy", STREAM, 7)]
    del before["cursors"]
    assert after == before


def test_the_program_goes_on_with_an_upgraded_database(url: str) -> None:
    make(url, FIRST)
    fill(url)
    upgrade(url)
    with closing(open_store(url)) as store, store.transaction() as transaction:
        (waiting,) = transaction.unsent_outbox(10)
        assert (waiting.id, waiting.row) == (2, an_outgoing(2, causation_id="cause"))
        assert 0 <= transaction.unsent_outbox_age_seconds() < 60
        transaction.stage_outbox([an_outgoing(4)])
        assert transaction.unsent_outbox(10)[1].row == an_outgoing(4)
        assert transaction.delete_sent_outbox(MIDNIGHT + 2 * M5) == 1
        assert [trade.opening.pair for trade in transaction.open_trades()] == ["USD_JPY"]
        transaction.append_audit([AuditEntry(MIDNIGHT, "ann", "upgraded", None, {})])
        assert verify_audit(transaction.audit_in_order()).rows == 8
        assert transaction.acquire_lease("executor.0", "ann", 60) == 1
        transaction.add_equity([EquityRow(1, MIDNIGHT + 5, 99_000_000, 99_000_000)])
        assert [row.equity for row in transaction.equity_in_order()] == [99_999_999, 99_000_000]
        assert list(transaction.candles_in_order()) == [a_candle(seq) for seq in SEQS]
        assert transaction.assessments_after(5, 10) == [an_assessment(6), an_assessment(7)]
        transaction.add_candles([a_candle(8)])
        transaction.add_gate_snapshots([a_gate_snapshot(8)])
        assert transaction.gate_snapshots_after(6, 10) == [a_gate_snapshot(7), a_gate_snapshot(8)]


def test_quotes_are_kept_and_commands_may_close_at_them_after_an_upgrade(url: str) -> None:
    make(url, "0004")
    quote = AppliedQuoteRow(7, "entry", "EUR_USD", MIDNIGHT, 138_690, 138_700)
    engine = open_engine(database_url(url))
    with writing(engine).begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO applied_quotes (seq, purpose, pair, ts_utc, bid, ask)"
            f" VALUES (7, 'entry', 'EUR_USD', '{format_time(MIDNIGHT)}', '1.38690', '1.38700')"
        )
    engine.dispose()
    upgrade(url)
    with closing(open_store(url)) as store, store.transaction() as transaction:
        assert list(transaction.applied_quotes_in_order()) == [quote]
        closed = quote._replace(purpose="kill_switch", command_id=3)
        transaction.add_applied_quotes([closed])
        assert list(transaction.applied_quotes_in_order()) == [quote, closed]
        transaction.add_command(NewCommand(MIDNIGHT, "ann", "PAUSE_ALL", "{}"))
        assert transaction.backlog().waiting == 1
        assert transaction.holds() == []


def test_history_is_still_guarded_after_an_upgrade(url: str) -> None:
    make(url, FIRST)
    fill(url)
    upgrade(url)
    engine = open_engine(database_url(url))
    for statement in ("UPDATE audit_log SET actor = 'nobody'", "DELETE FROM trades WHERE status = 'CLOSED'"):
        with pytest.raises(Exception, match=r"append-only|closed trade"), writing(engine).begin() as connection:
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_an_older_database_is_not_opened(url: str) -> None:
    make(url, FIRST)
    assert check(url) == (SchemaState.OLDER, FIRST, CURRENT_VERSION)
    with pytest.raises(
        InputError, match=rf"has schema {FIRST} instead of {CURRENT_VERSION}: run `scalpbot db upgrade`"
    ):
        open_store(url)
