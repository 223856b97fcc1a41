"""Quotes of a live run price entries and reach stops between two candles, and the ledger can still be replayed."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random

from services.executor.build import Outside
from services.executor.quotes import live_conditions
from services.ingest.feed import Arrival, unstored
from services.inspection.csv_export import closed_trades
from services.inspection.parity import check_parity
from services.platform.platform import Platform, opened_store
from shared.contracts.facts import Quote
from shared.contracts.runs import RunMode
from shared.core.types import BUY, EXIT_NAMES, QUANTA_PER_UNIT, STALE_DATA
from shared.runtime.quotes.board import QuoteBoard
from shared.runtime.remembered import begin_run
from shared.settings.settings import Settings, load_settings
from shared.store.engine import sqlite_url
from shared.store.port import Store
from shared.store.sql.audit import verify_audit
from tests.fixtures.paper import NOON, sample_series

M5 = 300
SETTINGS = {"SCALP_BOT_GATES__NEWS_ON_MISSING": "allow", "SCALP_BOT_PAIRS__EUR_USD__PROFILE": "aggressive"}


class Market:
    """The clock of a live run, and the prices between two candles."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.now = 0.0

    def path(self, candle: Arrival) -> list[Quote]:
        """Return quotes inside the span of a candle that reach its high and its low."""
        each = candle.candle
        prices = [
            (each.bid_open, each.ask_open),
            (each.bid_high, each.ask_high),
            (each.bid_low, each.ask_low),
            (each.bid_close, each.ask_close),
        ]
        times = sorted(each.time + self.rng.randrange(1, M5) for _ in prices)
        return [Quote(candle.pair, time, candle.digits, *price) for time, price in zip(times, prices, strict=True)]


@contextmanager
def live_platform(database: Path, market: Market, settings: Settings) -> Iterator[tuple[Store, Platform, QuoteBoard]]:
    # Between two quotes no time passes for these tests but the feed's own.
    board = QuoteBoard(lambda: 0.0)
    with opened_store(sqlite_url(database)) as store:
        begin_run(store, settings, None, RunMode.LIVE, NOON)
        given = partial(live_conditions, board, settings.live, lambda: market.now)
        outside = Outside("test", lambda: market.now, board, given)
        yield store, Platform(store, settings, RunMode.LIVE, None, outside), board


def trade(database: Path, *, seed: int, share: float, candles: int = 600, restart_every: int | None = None) -> None:
    """Trade the sample's first candles with quotes for a share of them."""
    settings = load_settings(None, SETTINGS)
    market = Market(seed)
    with opened_store(sqlite_url(database)) as store, store.reading() as reader:
        arrivals = unstored(reader, sample_series("EUR_USD", "USD_JPY", candles=candles))
    place = 0
    while place < len(arrivals):
        with live_platform(database, market, settings) as (_store, platform, board):
            for arrival in arrivals[place : place + (restart_every or len(arrivals))]:
                if market.rng.random() < share:
                    for quote in market.path(arrival):
                        board.put([quote])
                        platform.attend()
                market.now = arrival.order[0] + market.rng.random() * 3
                if market.rng.random() < share:
                    close = arrival.candle
                    board.put(
                        [Quote(arrival.pair, int(market.now), arrival.digits, close.bid_close + 2, close.ask_close + 3)]
                    )
                platform.replay([arrival], lambda _done: None)
                place += 1


def require_sound(database: Path) -> None:
    with opened_store(sqlite_url(database)) as store, store.reading() as reader:
        assert check_parity(reader, lambda _done: None).difference is None
        assert verify_audit(reader.audit_in_order()).ok
        closed = closed_trades(reader)
        last = reader.account_events(1)[0]
        assert last.balance == 10_000 * QUANTA_PER_UNIT + sum(each.profit for each in closed)
        assert reader.equity(1)[0].balance == last.balance


def test_exits_at_quotes_are_booked_at_the_quote_and_replayed_exactly(tmp_path: Path) -> None:
    database = tmp_path / "live.db"
    trade(database, seed=1, share=1.0)
    require_sound(database)
    with opened_store(sqlite_url(database)) as store, store.reading() as reader:
        applied = list(reader.applied_quotes_in_order())
        exits = {(row.quote.pair, row.quote.time): row.quote for row in applied if row.purpose == "exit"}
        entries = [row for row in applied if row.purpose == "entry"]
        closed = closed_trades(reader)
        left = [each for each in closed if (each.entry.pair, each.exit.exit_time) in exits]
    assert len(left) == len(exits) > 5
    for each in left:
        quote = exits[each.entry.pair, each.exit.exit_time]
        assert each.exit.exit_price == (quote.bid if each.entry.side == BUY else quote.ask)
        assert EXIT_NAMES[each.exit.exit_reason] in ("stop_loss", "take_profit")
    assert len(entries) == len(closed) + len(reader_positions(database))


def reader_positions(database: Path) -> list[object]:
    with opened_store(sqlite_url(database)) as store, store.reading() as reader:
        return list(reader.positions())


def test_candles_reconcile_what_quotes_have_missed(tmp_path: Path) -> None:
    database = tmp_path / "live.db"
    trade(database, seed=2, share=0.3, candles=700)
    require_sound(database)
    with opened_store(sqlite_url(database)) as store, store.reading() as reader:
        exits = sum(row.purpose == "exit" for row in reader.applied_quotes_in_order())
        assert 0 < exits < len(closed_trades(reader))


def test_restarts_between_quotes_change_nothing(tmp_path: Path) -> None:
    trade(tmp_path / "whole.db", seed=3, share=0.7, candles=300)
    trade(tmp_path / "restarted.db", seed=3, share=0.7, candles=300, restart_every=30)
    require_sound(tmp_path / "restarted.db")
    hashes = []
    for name in ("whole.db", "restarted.db"):
        with opened_store(sqlite_url(tmp_path / name)) as store, store.reading() as reader:
            hashes.append(check_parity(reader, lambda _done: None).trade_hash)
    assert hashes[0] == hashes[1]


def test_old_candles_bring_no_entry_and_say_so(tmp_path: Path) -> None:
    settings = load_settings(None, SETTINGS)
    market = Market(4)
    with live_platform(tmp_path / "live.db", market, settings) as (store, platform, _board):
        with store.reading() as reader:
            arrivals = unstored(reader, sample_series("EUR_USD", candles=900))
        market.now = arrivals[-1].order[0] + 3 * M5 + 1.0
        platform.replay(arrivals, lambda _done: None)
        with store.reading() as reader:
            assert reader.trades(1) == []
            assert {row.reason for row in reader.gate_snapshots(2_000)} == {STALE_DATA}
            assert check_parity(reader, lambda _done: None).difference is None


def test_parity_names_a_quote_that_was_tampered_with(tmp_path: Path) -> None:
    database = tmp_path / "live.db"
    trade(database, seed=5, share=1.0)
    connection = sqlite3.connect(database)
    connection.execute(
        "UPDATE applied_quotes SET bid = bid - 0.001, ask = ask - 0.001 WHERE purpose = 'entry' AND id < 9"
    )
    connection.commit()
    connection.close()
    with opened_store(sqlite_url(database)) as store, store.reading() as reader:
        assert check_parity(reader, lambda _done: None).difference is not None
