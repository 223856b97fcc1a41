"""Live candles from the simulated OANDA, over HTTP into a database, whatever goes wrong on the way."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import numpy as np
import pytest

from services.ingest.feed import CandleFeed, closed_order
from services.ingest.live.follow import follow
from services.ingest.live.oanda import OandaSource
from shared.bus.in_process import InProcessBus
from shared.calendar.market_hours import is_market_open
from shared.contracts.instruments import instrument
from shared.core.columns import CandleSeries
from shared.oanda.connection import OandaConnection
from shared.oanda.environment import Environment, address_of
from shared.runtime.health import Health
from shared.runtime.logs import Log
from shared.runtime.metrics import ServiceMetrics
from shared.runtime.outgoing import DirectOutgoing
from shared.runtime.process import Process
from shared.settings.sections import LiveSettings
from shared.store.port import Store
from shared.store.sql_store import open_store
from tests.fixtures.live_market import Lines
from tests.fixtures.new_store import new_sqlite
from tests.simulators.oanda import BarKey, Faults, OandaSimulator, VirtualClock

M5: Final = 300
FRIDAY_EVENING: Final = 1_399_064_400 - 9 * M5 - 30  # 2014-05-02, in the tenth bar before the weekend
WEEK_SECONDS: Final = 7 * 86_400
PAIRS: Final = ("EUR_USD", "USD_JPY")
INSTRUMENTS: Final = [instrument(pair) for pair in PAIRS]
SETTINGS: Final = LiveSettings(warm_up_candles=50)


def series(pair: str, seed: int) -> CandleSeries:
    """Return a week of candles around the weekend, some absent, with the market's hours."""
    times = range(FRIDAY_EVENING // M5 * M5 - 200 * M5, FRIDAY_EVENING + WEEK_SECONDS // 2, M5)
    time = np.array([each for each in times if is_market_open(each) and (each // M5 + seed) % 17], np.int64)
    mid = 110_000 + np.cumsum(np.random.default_rng(seed).integers(-20, 21, len(time)))
    sides = [(mid + half, mid + half + 30, mid + half - 30, mid + half + 5) for half in (-6, 6)]
    return CandleSeries(instrument(pair), M5, time, *sides[0], *sides[1], np.full(len(time), 50.0))


@contextmanager
def simulated(faults: Faults) -> Iterator[OandaSimulator]:
    clock = VirtualClock(FRIDAY_EVENING, skips_weekends=True)
    with OandaSimulator([series(pair, 3 + at) for at, pair in enumerate(PAIRS)], clock, faults) as simulator:
        yield simulator


@pytest.fixture(name="store")
def store_(tmp_path: Path) -> Iterator[Store]:
    url = new_sqlite(tmp_path / "live.db")
    store = open_store(url)
    yield store
    store.close()


def listen(simulator: OandaSimulator, store: Store, end: float, token: str | None = None) -> Lines:
    """Follow the simulated feed until a time of its own, whose pauses take no real time; return the log."""
    clock, lines, metrics = simulator.clock, Lines(), ServiceMetrics("ingest", "0")
    process = Process(
        "ingest",
        "test",
        Health(metrics, clock.now),
        metrics,
        cast("Log", lines),
        stopped=lambda: clock.now() >= end,
        clock=clock.now,
        monotonic=clock.now,
        sleep=clock.advance,
    )
    with OandaConnection(
        address_of(Environment.PRACTICE, simulator.address.rest_url, simulator.address.stream_url),
        token or simulator.token,
        simulator.account_id,
        clock=clock.now,
        monotonic=clock.now,
        sleep=clock.advance,
        jitter=lambda: 0.5,
        answer_seconds=5.0,
    ) as connection:
        feed = CandleFeed(store, DirectOutgoing(InProcessBus(max_batch=500)))
        follow(process, store, feed, OandaSource(connection, INSTRUMENTS, M5), INSTRUMENTS, SETTINGS, lambda: None)
    return lines


def check_stored(store: Store, simulator: OandaSimulator, altered: Sequence[BarKey] = ()) -> None:
    """Check that what is stored is the market's, in order, and that the gap ledger explains what is absent."""
    with store.reading() as reader:
        rows, gaps = list(reader.candles_in_order()), reader.gaps(10_000)
        assert reader.rejected_candles(10_000) == []
    order = [closed_order(row) for row in rows]
    assert order == sorted(set(order))
    for pair in PAIRS:
        mine = [row.candle for row in rows if row.pair == pair]
        expected = [
            each
            for each in simulator.existing_candles(pair)
            if mine[0].time <= each.time and each.time + M5 <= simulator.now() - 120
        ]
        assert mine[: len(expected)] == expected
        assert len(expected) > 50 + 10
        tiles = [gap for gap in gaps if gap.pair == pair and gap.kind != "backfilled"]
        absent = [time for gap in tiles for time in range(gap.from_time, gap.to_time, M5)]
        times = [each.time for each in mine]
        assert sorted([*times, *absent]) == list(range(times[0], times[-1] + 1, M5))
        assert all(gap.kind in {"no_ticks", "weekend"} for gap in tiles)


def test_candles_come_over_a_weekend_as_they_close(store: Store) -> None:
    with simulated(Faults(late_completion_seconds=45.0)) as simulator:
        lines = listen(simulator, store, FRIDAY_EVENING + 2 * 86_400 + 3 * 3600)
        check_stored(store, simulator)
        assert simulator.changing_requests == []
    assert not any("away" in line for line in lines.lines)
    with store.reading() as reader:
        assert [gap.kind for gap in reader.gaps(1000) if gap.kind in {"backfilled", "outage"}] == []


@pytest.mark.parametrize("seed", range(2))
def test_no_fault_of_the_feed_and_no_restart_loses_a_candle(store: Store, seed: int) -> None:
    with simulated(Faults.random(seed, 0.2)) as simulator:
        simulator.faults.slow_seconds_real = 0.01
        for hours in (0.3, 49.5, 51):
            listen(simulator, store, FRIDAY_EVENING + hours * 3600)
            simulator.clock.advance(1000)
        listen(simulator, store, simulator.now() + 1000)
        check_stored(store, simulator)
        assert simulator.changing_requests == []
    with store.reading() as reader:
        assert {gap.pair for gap in reader.gaps(1000) if gap.kind == "backfilled"} == set(PAIRS)


def test_a_revised_candle_stays_as_it_was_traded_and_is_noted_when_it_is_seen_again(store: Store) -> None:
    revised = BarKey("EUR_USD", FRIDAY_EVENING // M5 * M5)
    with simulated(Faults(revised=[revised], revised_after_seconds=90.0)) as simulator:
        listen(simulator, store, revised.time + M5 + 60)
        simulator.clock.advance(60)
        listen(simulator, store, simulator.now() + 60)
        (traded,) = (each for each in simulator.existing_candles("EUR_USD") if each.time == revised.time)
    with store.reading() as reader:
        (stored,) = reader.candles_between("EUR_USD", 300, revised.time, revised.time + 1)
        rejected = reader.rejected_candles(10)
    assert stored is not None
    assert stored.candle == traded
    assert [(row.pair, row.reason) for row in rejected] == [("EUR_USD", "revised after it was stored")]


def test_a_history_larger_than_a_page_may_be_is_asked_for_in_smaller_ones(store: Store) -> None:
    with simulated(Faults(max_candle_count=30)) as simulator:
        listen(simulator, store, FRIDAY_EVENING + 60)
    with store.reading() as reader:
        candles = [row for row in reader.candles_in_order() if row.pair == "EUR_USD"]
    assert 20 <= len(candles) <= 30
