"""The embedded paper run: the same ledger as the backtest, each candle once, whatever interrupts it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from services.executor.build import Outside
from services.ingest.feed import in_batches, unstored
from services.inspection.csv_export import closed_trades
from services.inspection.parity import check_parity
from services.platform.platform import Platform, opened_store
from shared.contracts.errors import InputError
from shared.contracts.runs import RunMode
from shared.contracts.shown import trade_hash
from shared.runtime.remembered import begin_run
from shared.settings.settings import Settings, load_settings
from shared.store.engine import sqlite_url
from shared.store.port import Reader, Store, Transaction
from shared.store.sql.audit import verify_audit
from tests.fixtures.backtested import run_backtest
from tests.fixtures.paper import NOON, PAIRS, first_candles, ledger_of, run_paper, sample_calendar, sample_series

FEW: Final = 1_500
OUTSIDE = Outside("test", lambda: NOON)


class _Killed(BaseException):
    """The process dies here, as far as the services can tell."""


class _DyingStore:
    """A store whose `moment`-th transaction is the last thing that happens: before or after its commit."""

    def __init__(self, store: Store, moment: int, *, committed: bool) -> None:
        self._store = store
        self._moment = moment
        self._committed = committed
        self._transactions = count(1)

    def reading(self) -> object:
        return self._store.reading()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        last = next(self._transactions) == self._moment
        with self._store.transaction() as transaction:
            yield transaction
            if last and not self._committed:
                raise _Killed
        if last:
            raise _Killed

    def close(self) -> None:
        self._store.close()


@contextmanager
def reading(database: Path) -> Iterator[Reader]:
    with opened_store(sqlite_url(database)) as store, store.reading() as reader:
        yield reader


def test_paper_run_ends_with_the_trades_of_the_backtest(tmp_path: Path) -> None:
    database = tmp_path / "paper.db"
    series, news = sample_series(), sample_calendar()
    run_paper(database, series, news=news)
    backtest = run_backtest(series, Settings(), calendar=news)
    with reading(database) as reader:
        trades = closed_trades(reader)
        assert len(trades) > 20
        assert trade_hash(trades) == trade_hash(backtest.trades)
        snapshots = reader.gate_snapshots(backtest.outcomes.reason.size)
        assert [row.reason for row in reversed(snapshots)] == backtest.outcomes.reason.tolist()
        assert [row.failed_gates for row in reversed(snapshots)] == backtest.outcomes.failed.tolist()
        assert reader.equity(1)[0].equity == backtest.equity
        assert verify_audit(reader.audit_in_order()).ok


def test_second_run_adds_nothing(tmp_path: Path) -> None:
    database = tmp_path / "paper.db"
    series = sample_series(candles=FEW)
    run_paper(database, series)
    before = ledger_of(database)
    assert run_paper(database, series) == 0
    assert ledger_of(database) == before


def test_longer_file_continues_where_the_shorter_one_ended(tmp_path: Path) -> None:
    series = sample_series(candles=FEW)
    run_paper(tmp_path / "at_once.db", series)
    noon = int(series[0].time[700])
    run_paper(tmp_path / "in_two.db", [first_candles(each, int((each.time < noon).sum())) for each in series])
    assert run_paper(tmp_path / "in_two.db", series) > 0
    assert ledger_of(tmp_path / "in_two.db") == ledger_of(tmp_path / "at_once.db")


def test_candles_in_front_of_traded_ones_are_refused(tmp_path: Path) -> None:
    database = tmp_path / "paper.db"
    run_paper(database, sample_series("EUR_USD", candles=300))
    before = ledger_of(database)
    with pytest.raises(InputError, match="older than candles that this database has already traded"):
        run_paper(database, sample_series("GBP_USD", candles=300))
    assert ledger_of(database) == before


def test_run_killed_at_any_commit_continues_to_the_same_ledger(tmp_path: Path) -> None:
    series = sample_series("EUR_USD", "USD_JPY", candles=400)
    whole = tmp_path / "whole.db"
    run_paper(whole, series, batch=200)
    expected = ledger_of(whole)
    moments = 0
    for moment in count(1):
        for committed in (False, True):
            database = tmp_path / f"killed_{moment}_{committed}.db"

            def dying(store: Store, moment: int = moment, committed: bool = committed) -> Store:
                return _DyingStore(store, moment, committed=committed)  # type: ignore[return-value]

            try:
                run_paper(database, series, batch=200, wrapped=dying)
            except _Killed:
                moments += 1
                run_paper(database, series, batch=200)
            assert ledger_of(database) == expected, f"killed at transaction {moment}, committed: {committed}"
            finished = moment
        if moments < 2 * finished:
            break
    assert moments >= 2 * 3 * 4


def test_run_with_other_settings_is_refused(tmp_path: Path) -> None:
    database = tmp_path / "paper.db"
    series = sample_series("EUR_USD", candles=300)
    run_paper(database, series)
    other = load_settings(None, {"SCALP_BOT_RISK__RISK_PERCENT": "2"})
    with pytest.raises(InputError, match=r"risk\.risk_percent \(2\.0, was 1\.0\) differs"):
        run_paper(database, series, settings=other)
    with pytest.raises(InputError, match="the news calendar differs"):
        run_paper(database, series, news=sample_calendar())


def test_writing_out_a_default_is_no_other_setting(tmp_path: Path) -> None:
    database = tmp_path / "paper.db"
    series = sample_series("EUR_USD", candles=300)
    run_paper(database, series)
    written = load_settings(
        None, {"SCALP_BOT_PAIRS__EUR_USD__STRATEGY": "ema_vwap", "SCALP_BOT_RISK__RISK_PERCENT": "1.00"}
    )
    assert run_paper(database, series, settings=written) == 0


def test_run_continues_with_pairs_that_an_interrupted_run_left_behind(tmp_path: Path) -> None:
    series = sample_series("EUR_USD", "USD_JPY", candles=300)
    database = tmp_path / "killed.db"

    def dying(store: Store) -> Store:
        # Before its third transaction, which stores the first candles, each service looks for work left behind.
        return _DyingStore(store, 3, committed=True)  # type: ignore[return-value]

    with pytest.raises(_Killed):
        run_paper(database, series, batch=200, wrapped=dying)
    run_paper(database, series[:1])
    with reading(database) as reader:
        assert {row.pair for row in reader.gate_snapshots(600)} == {"EUR_USD", "USD_JPY"}
        assert check_parity(reader, lambda _done: None).difference is None


def test_two_platforms_on_one_database_keep_one_ledger(tmp_path: Path) -> None:
    (series,) = sample_series("EUR_USD", candles=900)
    run_paper(tmp_path / "alone.db", [series])
    with opened_store(sqlite_url(tmp_path / "shared.db")) as store:
        begin_run(store, Settings(), None, RunMode.OFFLINE, NOON)
        platforms = [Platform(store, Settings(), RunMode.OFFLINE, None, OUTSIDE) for _ in range(2)]
        with store.reading() as reader:
            arrivals = unstored(reader, [series])
        for number, batch in enumerate(in_batches(arrivals, 100)):
            platforms[number % 2].replay(batch, lambda _done: None)
        with store.reading() as reader:
            assert check_parity(reader, lambda _done: None).difference is None
            shared_trades = closed_trades(reader)
    with reading(tmp_path / "alone.db") as reader:
        assert trade_hash(closed_trades(reader)) == trade_hash(shared_trades)


def test_guard_names_the_setting_that_differs_not_a_default_that_is_written_out(tmp_path: Path) -> None:
    database = tmp_path / "paper.db"
    series = sample_series("EUR_USD", candles=300)
    run_paper(database, series)
    other = load_settings(
        None, {"SCALP_BOT_PAIRS__EUR_USD__STRATEGY": "ema_vwap", "SCALP_BOT_ACCOUNT__START_BALANCE": "20000.00"}
    )
    with pytest.raises(InputError, match=r"setting account\.start_balance \(20000\.00, was 10000\) differs"):
        run_paper(database, series, settings=other)


def test_candle_that_another_program_has_overtaken_is_refused(tmp_path: Path) -> None:
    euro, yen = sample_series("EUR_USD", "USD_JPY", candles=300)
    with opened_store(sqlite_url(tmp_path / "paper.db")) as store:
        begin_run(store, Settings(), None, RunMode.OFFLINE, NOON)
        slow, quick = (Platform(store, Settings(), RunMode.OFFLINE, None, OUTSIDE) for _ in range(2))
        with store.reading() as reader:
            overtaken, ahead = (unstored(reader, [series]) for series in (euro, yen))
        quick.replay(ahead, lambda _done: None)
        with pytest.raises(InputError, match="comes too late: another program brought later candles"):
            slow.replay(overtaken, lambda _done: None)
        quick.replay(ahead, lambda _done: None)
        with store.reading() as reader:
            assert reader.candle_count() == 300
            assert check_parity(reader, lambda _done: None).difference is None


def test_candles_of_another_granularity_are_refused(tmp_path: Path) -> None:
    database = tmp_path / "paper.db"
    (series,) = sample_series("EUR_USD", candles=300)
    run_paper(database, [series])
    later = series._replace(time=series.time * 3, granularity_seconds=900)
    with pytest.raises(InputError, match="this database trades EUR_USD on M5 candles, but these are M15"):
        run_paper(database, [later])


def test_candle_with_other_prices_than_stored_is_refused(tmp_path: Path) -> None:
    database = tmp_path / "paper.db"
    (series,) = sample_series("EUR_USD", candles=300)
    run_paper(database, [series])
    changed = series._replace(bid_close=series.bid_close - 1)
    with pytest.raises(InputError, match=r"is stored with other prices \(bid_close 1\.\d{5}, and here 1\.\d{5}\); use"):
        run_paper(database, [changed])


def test_candle_with_another_volume_than_stored_is_refused_as_such(tmp_path: Path) -> None:
    database = tmp_path / "paper.db"
    (series,) = sample_series("EUR_USD", candles=300)
    run_paper(database, [series])
    with pytest.raises(InputError, match=r"is stored with another volume \(\d+, and here \d+\); use another database"):
        run_paper(database, [series._replace(volume=series.volume + 1)])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE candles SET bid_open = '1.00000' WHERE seq = 100", "candle.bid_open"),
        ("UPDATE candles SET ask_close = ask_close + 0.001 WHERE seq = 100", "candle.ask_close"),
        ("UPDATE candles SET ask_close = '1.123456' WHERE seq = 100", "more than 5 decimals"),
        ("DELETE FROM gate_snapshots WHERE seq = 100", "verdicts"),
        ("UPDATE equity SET equity = '1.0000' WHERE seq = (SELECT max(seq) FROM equity)", "equity"),
        ("DROP TRIGGER trades_refuses_update; UPDATE trades SET exit_price = '1.00000' WHERE number = 1", "exit_price"),
        ("UPDATE daily_stats SET trades = 99", "trading day 1: trades is 99 in the ledger"),
        ("DELETE FROM account_events WHERE id = 2", "account event"),
    ],
)
def test_parity_names_the_first_difference(tmp_path: Path, change: str, words: str) -> None:
    database = tmp_path / "paper.db"
    run_paper(database, sample_series("EUR_USD", candles=FEW))
    with reading(database) as reader:
        assert check_parity(reader, lambda _done: None).difference is None
        assert len(closed_trades(reader)) > 0
    connection = sqlite3.connect(database)
    connection.executescript(change)
    connection.close()
    with reading(database) as reader:
        difference = check_parity(reader, lambda _done: None).difference
    assert difference is not None
    assert words in difference


def test_all_pairs_of_the_sample_trade(tmp_path: Path) -> None:
    database = tmp_path / "paper.db"
    run_paper(database, sample_series(), news=sample_calendar())
    with reading(database) as reader:
        assert {trade.entry.pair for trade in closed_trades(reader)} == set(PAIRS)


def test_platform_divided_into_partitions_keeps_the_same_ledger(tmp_path: Path) -> None:
    divided = load_settings(None, {"SCALP_BOT_DEPLOYMENT__PARTITIONS": "3"})
    series = sample_series(candles=600)
    run_paper(tmp_path / "whole.db", series)
    run_paper(tmp_path / "divided.db", series, settings=divided)
    whole, shared = ledger_of(tmp_path / "whole.db"), ledger_of(tmp_path / "divided.db")
    for table in ("daily_stats", "equity"):
        assert shared[table] == whole[table]
    with reading(tmp_path / "whole.db") as one, reading(tmp_path / "divided.db") as other:
        assert trade_hash(closed_trades(one)) == trade_hash(closed_trades(other))
        assert len(closed_trades(one)) > 0
        assert {row.stream for row in other.candles_in_order()} == {"candles.0", "candles.1", "candles.2"}
        assert check_parity(other, lambda _done: None).difference is None
