"""What proves and explains the ledger, while ingest and strategy are ahead of it."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from services.cli.program import main
from services.executor.build import Outside
from services.ingest.feed import CandleFeed, unstored
from services.inspection.parity import check_parity
from services.platform.platform import Platform, opened_store
from services.strategy.work import StrategyWork
from shared.bus.in_process import InProcessBus
from shared.contracts.runs import RunMode
from shared.contracts.times import format_time
from shared.runtime.consumer import StreamConsumer
from shared.runtime.outgoing import DirectOutgoing
from shared.runtime.overview.trading import TRADER_LEASE, Trading, trading_now
from shared.settings.settings import Settings
from shared.store.engine import sqlite_url
from shared.store.file_lock import file_is_held, locked_file
from shared.store.port import Store
from tests.fixtures.anchored import anchor
from tests.fixtures.new_store import new_sqlite
from tests.fixtures.paper import NOON, first_candles, run_paper, sample_series

TRADED = 300
WAITING = 7


def store_only(store: Store) -> None:
    """Store candles as ingest does, before anybody hears of them."""
    with store.reading() as reader:
        arrivals = unstored(reader, sample_series("EUR_USD", candles=TRADED + WAITING))
    CandleFeed(store, DirectOutgoing(InProcessBus())).add(arrivals)


def judge_too(store: Store) -> None:
    """Judge them as well, before the executor has heard of them."""
    store_only(store)
    work = StrategyWork(Settings(), RunMode.OFFLINE, None, 0, None)
    assert StreamConsumer(store, DirectOutgoing(InProcessBus()), work).catch_up() == WAITING


@pytest.mark.parametrize("go_ahead", [store_only, judge_too])
def test_candles_that_are_not_traded_yet_are_no_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], go_ahead: Callable[[Store], None]
) -> None:
    database = tmp_path / "paper.db"
    run_paper(database, [first_candles(series, TRADED) for series in sample_series("EUR_USD")])
    with opened_store(sqlite_url(database)) as store:
        go_ahead(store)
        with store.reading() as reader:
            check = check_parity(reader, lambda _done: None)
        assert (check.difference, check.candles, check.waiting) == (None, TRADED, WAITING)
        assert main(["parity", "--db", str(database)]) == 0
        assert "not compared: 7 newer candles" in capsys.readouterr().out
        Platform(store, Settings(), RunMode.OFFLINE, None, Outside("test", lambda: NOON))
        with store.reading() as reader:
            check = check_parity(reader, lambda _done: None)
        assert (check.difference, check.candles, check.waiting) == (None, TRADED + WAITING, 0)


def test_ledger_that_runs_ahead_of_its_cursor_is_a_difference(tmp_path: Path) -> None:
    database = tmp_path / "paper.db"
    run_paper(database, sample_series("EUR_USD", candles=TRADED))
    with opened_store(sqlite_url(database)) as store:
        with store.transaction() as transaction:
            transaction.save_cursor("executor", "assessed", TRADED - 1)
        with store.reading() as reader:
            assert check_parity(reader, lambda _done: None).difference == (
                "there is one judged candle more than there are candles"
            )


def test_why_tells_a_candle_that_waits_from_one_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "paper.db"
    run_paper(database, sample_series("EUR_USD", candles=TRADED))
    with opened_store(sqlite_url(database)) as store:
        store_only(store)
        with store.reading() as reader:
            last = reader.last_candle()
    assert last is not None
    for moment in map(format_time, (last.candle.time, last.decision_time)):
        assert main(["why", "EUR_USD", moment, "--db", str(database)]) == 2
        assert "is stored and was not judged yet" in capsys.readouterr().err
    assert main(["why", "EUR_USD", "2031-01-01T00:00:00Z", "--db", str(database)]) == 2
    assert "holds no judged EUR_USD candle" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [["status"], ["parity"], ["audit", "verify"], ["trades"]])
def test_verbs_that_read_wait_for_nobody_who_writes(tmp_path: Path, verb: list[str]) -> None:
    database = tmp_path / "paper.db"
    run_paper(database, sample_series("EUR_USD", candles=50))
    with opened_store(sqlite_url(database)) as store:
        anchor(store, tmp_path / "paper.anchors.jsonl")
    with opened_store(sqlite_url(database)) as store, store.transaction():
        assert main([*verb, "--db", str(database)]) == 0


def test_status_asks_for_the_services_only_where_nobody_trades(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "paper.db"
    run_paper(database, sample_series("EUR_USD", candles=TRADED))
    with opened_store(sqlite_url(database)) as store:
        store_only(store)
    assert main(["status", "--db", str(database)]) == 0
    told = capsys.readouterr().out
    assert "by nobody now" in told
    assert "7 stored candles are not traded yet: start the services" in told
    with locked_file(sqlite_url(database)):
        assert main(["status", "--db", str(database)]) == 0
        told = capsys.readouterr().out
    assert "307, 7 of them not traded yet" in told
    assert "now, by a process that runs" in told
    assert "start the services" not in told


def test_status_of_a_database_that_was_never_traded_in_is_told_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "new.db"
    assert main(["db", "upgrade", "--db", str(database)]) == 0
    capsys.readouterr()
    assert main(["status", "--db", str(database)]) == 0
    told = capsys.readouterr().out
    assert "balance         nothing was traded yet" in told
    assert "None" not in told


@pytest.mark.parametrize(
    ("leads", "beats", "trading"),
    [
        (True, True, Trading.NOW),
        (True, False, Trading.NOW),
        (False, True, Trading.SOON),
        (False, False, Trading.NOBODY),
    ],
)
def test_on_a_server_the_lease_and_signs_of_life_tell_who_trades(
    tmp_path: Path, leads: bool, beats: bool, trading: Trading
) -> None:
    new_sqlite(database := tmp_path / "paper.db")
    with opened_store(sqlite_url(database)) as store:
        with store.transaction() as transaction:
            if leads:
                transaction.acquire_lease(TRADER_LEASE, "one", 60)
            if beats:
                transaction.beat("executor", "one", "{}")
        with store.reading() as reader:
            assert trading_now(reader, file_is_held=None) is trading


def test_asking_who_holds_a_file_keeps_nobody_from_taking_it(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "paper.db")
    assert file_is_held(url) is False
    with locked_file(url):
        assert file_is_held(url) is True
    assert file_is_held(url) is False
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            file_is_held(url)

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(50):
        with locked_file(url):
            pass
    over.set()
    asking.join()
