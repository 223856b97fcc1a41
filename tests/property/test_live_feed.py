"""Whatever befalls a live feed and its follower: what is stored are the market's candles, the ledger tells the rest."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.feed import closed_order
from services.ingest.live.checks import REVISED, TOO_LATE
from shared.calendar.market_hours import is_market_open
from shared.contracts.errors import InvariantError
from shared.contracts.facts import CandleClosed
from shared.contracts.times import format_time
from shared.settings.sections import LiveSettings
from shared.store.engine import sqlite_url
from shared.store.port import Store
from shared.store.rows.market import CandleGapRow, RejectedCandleRow
from shared.store.schema import upgrade
from shared.store.sql_store import open_store
from tests.fixtures.live_market import MINUTE, Bar, Listener, LiveMarket, Outage
from tests.fixtures.market import TUESDAY, candle

FRIDAY_EVENING: Final = 1_399_063_800  # 2014-05-02T20:50:00Z, ten minutes before the weekend
FRIDAY_CLOSE: Final = FRIDAY_EVENING + 10 * MINUTE
SUNDAY_EVENING: Final = FRIDAY_CLOSE + 2 * 86_400 - 3 * MINUTE
BEFORE: Final = 3
LATE: Final = 30
SETTINGS: Final = LiveSettings(granularity="M1", warm_up_candles=50, poll_seconds=2, late_seconds=LATE)
NEVER: Final = float("inf")


class Story(NamedTuple):
    """A market and the moments at which whoever follows it is stopped or killed, and for how long."""

    market: LiveMarket
    start: float
    end: float
    pauses: Sequence[tuple[float, float]]
    kills: Sequence[int]


class Stored(NamedTuple):
    """All that is in the store in the end."""

    candles: list[CandleClosed]
    gaps: list[CandleGapRow]
    rejected: list[RejectedCandleRow]

    def times(self, pair: str) -> list[int]:
        return [row.candle.time for row in self.candles if row.pair == pair]

    def refused(self, pair: str, reason: str) -> set[str]:
        return {row.source for row in self.rejected if row.pair == pair and row.reason == reason}


@st.composite
def bars(draw: st.DrawFn, start: int, slots: int, lateness: st.SearchStrategy[float], revisions: bool) -> list[Bar]:
    """Draw a pair's bars; the first ones, of the warm-up, come in time."""
    result = []
    for slot in range(-BEFORE, slots):
        time = start + slot * MINUTE
        if slot < 0 and not is_market_open(time):
            time += FRIDAY_CLOSE - start
        if not is_market_open(time) or (slot >= 0 and draw(st.integers(0, 4)) == 0):
            continue
        complete_at = time + MINUTE + (draw(lateness) if slot >= 0 else 0)
        revised_at = complete_at + draw(st.sampled_from((NEVER, NEVER, 70.0))) if revisions and slot >= 0 else NEVER
        made = candle(time, 110_000 + draw(st.integers(-50, 50)), volume=10.0 + slot)
        result.append(Bar(made, time + draw(st.sampled_from((0, 1, 40))), complete_at, revised_at))
    return result


@st.composite
def stories(draw: st.DrawFn, lateness: st.SearchStrategy[float], *, fair: bool) -> Story:
    """Draw a story; in a fair one the feed fails all pairs alike, and not twice in a row."""
    start, slots = draw(st.sampled_from((TUESDAY, FRIDAY_EVENING, SUNDAY_EVENING))), draw(st.integers(3, 14))
    pairs = draw(st.sampled_from((("EUR_USD",), ("EUR_USD", "USD_JPY"), ("AUD_USD", "EUR_USD", "USD_JPY"))))
    outages, moment = [], float(start)
    for _ in range(draw(st.integers(0, 2))):
        moment += draw(st.floats(3 * LATE, 300))
        length = draw(st.floats(0.5, 300))
        outages.append(Outage(moment, moment + length, None if fair else draw(st.sampled_from((None, *pairs)))))
        moment += length
    market = LiveMarket(
        start + 1, {pair: draw(bars(start, slots, lateness, revisions=True)) for pair in pairs}, outages
    )
    end = max(moment, start + slots * MINUTE) + 400
    pauses = draw(st.lists(st.tuples(st.floats(start + 5, end - 300), st.floats(0, 200)), max_size=2))
    return Story(market, start + 1, end, sorted(pauses), draw(st.lists(st.integers(1, 8), max_size=2)))


class Killer:
    """Ends a run at its n-th crash point."""

    def __init__(self, countdown: int) -> None:
        self.left = countdown

    def __call__(self, point: str) -> None:
        self.left -= 1
        if not self.left:
            raise InvariantError(f"killed at {point}")


@pytest.fixture(name="template", scope="module")
def template_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("live") / "template.db"
    upgrade(sqlite_url(path))
    return path


@contextmanager
def new_store(template: Path) -> Iterator[Store]:
    path = template.with_name("run.db")
    for old in template.parent.glob("run.db*"):
        old.unlink()
    shutil.copy(template, path)
    store = open_store(sqlite_url(path))
    yield store
    store.close()


def lived_through(story: Story, template: Path) -> Stored:
    """Follow the market to its end, through all pauses and kills, and read what is stored."""
    market = story.market
    market.now = story.start
    with new_store(template) as store:
        for killed_after in story.kills:
            with suppress(InvariantError):
                Listener(market, store, SETTINGS, crash=Killer(killed_after)).follow_until(story.end - 300)
        for moment, length in story.pauses:
            Listener(market, store, SETTINGS).follow_until(moment)
            market.now += length
        Listener(market, store, SETTINGS).follow_until(max(story.end, market.now + 300))
        with store.reading() as reader:
            return Stored(list(reader.candles_in_order()), reader.gaps(10_000), reader.rejected_candles(10_000))


def slots_of(gaps: Sequence[CandleGapRow]) -> list[int]:
    return sorted(time for gap in gaps for time in range(gap.from_time, gap.to_time, MINUTE))


def check_order(stored: Stored, market: LiveMarket) -> None:
    """Check that the stored candles are the market's own, each once, in the order of decisions."""
    order = [closed_order(row) for row in stored.candles]
    assert order == sorted(set(order))
    assert [row.seq for row in stored.candles] == list(range(1, len(order) + 1))
    for row in stored.candles:
        (bar,) = (bar for bar in market.bars[row.pair] if bar.candle.time == row.candle.time)
        assert row.candle in (bar.candle, bar.seen(NEVER).candle)


def check_ledger(stored: Stored, pair: str) -> None:
    """Check that stored candles, absent slots and passed-over slots tile the pair's time."""
    mine = [gap for gap in stored.gaps if gap.pair == pair]
    tiles = [gap for gap in mine if gap.kind != "backfilled"]
    outage = slots_of([gap for gap in tiles if gap.kind == "outage"])
    absent = slots_of([gap for gap in tiles if gap.kind != "outage"])
    times = stored.times(pair)
    last = max([*times, *outage])
    assert sorted([*times, *outage, *absent]) == list(range(times[0], last + 1, MINUTE))
    assert {f"oanda M1 {format_time(time)}" for time in outage} >= stored.refused(pair, TOO_LATE)
    for gap in tiles:
        span = range(gap.from_time, gap.to_time, MINUTE)
        assert gap.missing_candles == sum(is_market_open(time) for time in span)
        assert (gap.kind == "weekend") == (gap.missing_candles == 0)


def check_backfilled(stored: Stored, pair: str, bars: Sequence[Bar], story: Story) -> None:
    """Check the count of back-filled candles against those that must, and those that may have come late."""
    rows = [gap for gap in stored.gaps if gap.pair == pair and gap.kind == "backfilled"]
    count = sum(gap.missing_candles for gap in rows)
    spans = slots_of(rows)
    assert len(spans) == len(set(spans))
    times = set(stored.times(pair))
    came = [bar for bar in bars if bar.candle.time in times]
    must = [bar for bar in came if bar.complete_at > bar.candle.time + MINUTE + LATE and bar.complete_at > story.start]
    assert len(must) <= count
    if not story.pauses and not story.kills and not story.market.outages:
        may = [bar for bar in came if bar.complete_at > bar.candle.time + MINUTE + LATE - 5]
        assert count <= len(may)
    assert all(any(row.from_time <= bar.candle.time < row.to_time for row in rows) for bar in must)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(story=stories(st.floats(0, LATE - 10), fair=True))
def test_no_fault_of_a_feed_that_fails_all_pairs_alike_loses_doubles_or_invents_a_candle(
    story: Story, template: Path
) -> None:
    stored = lived_through(story, template)
    check_order(stored, story.market)
    for pair, pair_bars in story.market.bars.items():
        assert stored.times(pair) == [bar.candle.time for bar in pair_bars]
        assert stored.refused(pair, TOO_LATE) == set()
        check_ledger(stored, pair)
        check_backfilled(stored, pair, pair_bars, story)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(story=stories(st.floats(0, 4 * LATE), fair=False))
def test_every_candle_is_stored_in_order_or_set_aside_as_too_late_and_the_ledger_says_which(
    story: Story, template: Path
) -> None:
    stored = lived_through(story, template)
    check_order(stored, story.market)
    for pair, pair_bars in story.market.bars.items():
        passed_over = slots_of([gap for gap in stored.gaps if gap.pair == pair and gap.kind == "outage"])
        assert sorted([*stored.times(pair), *passed_over]) == [bar.candle.time for bar in pair_bars]
        if all(outage.pair != pair for outage in story.market.outages):
            missed = [bar for bar in pair_bars if bar.candle.time in passed_over]
            assert all(bar.complete_at > bar.candle.time + MINUTE + LATE - 3 for bar in missed)
        check_ledger(stored, pair)
        check_backfilled(stored, pair, pair_bars, story)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(story=stories(st.just(1.0), fair=True))
def test_a_revision_that_the_feed_shows_again_is_set_aside_once_and_the_stored_candle_stays(
    story: Story, template: Path
) -> None:
    stored = lived_through(story._replace(pauses=(), kills=()), template)
    for pair, pair_bars in story.market.bars.items():
        revised = {f"oanda M1 {format_time(bar.candle.time)}" for bar in pair_bars if bar.revised_at < NEVER}
        rows = [row for row in stored.rejected if row.pair == pair]
        assert {row.source for row in rows} <= revised
        assert len(rows) == len({row.source for row in rows})
        assert all(row.reason == REVISED for row in rows)


def test_the_made_up_market_of_these_tests_has_a_weekend_in_it() -> None:
    assert is_market_open(FRIDAY_CLOSE - MINUTE)
    assert not is_market_open(FRIDAY_CLOSE)
    assert not is_market_open(SUNDAY_EVENING)
    assert is_market_open(SUNDAY_EVENING + 3 * MINUTE)
