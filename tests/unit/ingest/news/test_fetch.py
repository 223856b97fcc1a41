"""The economic calendar of live runs: how the store keeps it, how old it is, and how desks take up a new one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from services.ingest.metrics import FeedMetrics
from services.ingest.news.cache import cache_beside, read_cache, write_cache
from services.strategy.desk import PairDesk
from services.strategy.news import NewsDesk
from services.strategy.work import StrategyWork
from shared.bus.in_process import InProcessBus
from shared.calendar.economic import EconomicCalendar, EconomicEvent
from shared.contracts.errors import InputError, InvariantError
from shared.contracts.facts import CandleAssessed, CandleClosed
from shared.contracts.runs import RunMode
from shared.core.types import NEWS_CALENDAR_MISSING, NEWS_WINDOW, PASSED
from shared.runtime.consumer import StreamConsumer
from shared.runtime.metrics import ServiceMetrics
from shared.runtime.news import NEWS, CalendarAge, NewsRecord, calendar_age, keep_news, stored_news
from shared.runtime.outgoing import DirectOutgoing
from shared.settings.settings import Settings
from shared.store.engine import sqlite_url
from shared.store.port import Store
from shared.store.rows.runtime import SnapshotRow
from shared.store.sql_store import open_store
from tests.contract.builders import M5, MIDNIGHT, a_candle
from tests.fixtures.new_store import new_sqlite

HOUR: Final = 3_600
DAY: Final = 86_400
RELEASE: Final = EconomicEvent(MIDNIGHT + 12 * HOUR, "USD", "Unemployment Claims", "High")
LATER: Final = EconomicEvent(MIDNIGHT + 36 * HOUR, "EUR", "Main Refinancing Rate", "High")


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="store")
def store_(tmp_path: Path) -> Iterator[Store]:
    url = new_sqlite(tmp_path / "live.db")
    store = open_store(url)
    yield store
    store.close()


def a_record(*events: EconomicEvent, **changes: Any) -> NewsRecord:
    return replace(NewsRecord("here", MIDNIGHT, MIDNIGHT, '"v1"', None, events or (RELEASE, LATER)), **changes)


def keep(store: Store, record: NewsRecord) -> None:
    with store.transaction() as transaction:
        keep_news(transaction, record)


def stored(store: Store) -> NewsRecord | None:
    with store.reading() as reader:
        return stored_news(reader)


def assess(store: Store, work: StrategyWork, *rows: int) -> list[CandleAssessed]:
    """Store the candles of these places, have them assessed, and return everything that was assessed so far."""
    with store.transaction() as transaction:
        transaction.add_candles([a_candle(seq) for seq in rows])
    StreamConsumer(store, DirectOutgoing(InProcessBus()), work).catch_up()
    with store.reading() as reader:
        return reader.assessments_after(0, 100)


def closed(seq: int) -> CandleClosed:
    return a_candle(seq)


def verdicts(store: Store, work: StrategyWork, *rows: int) -> list[int]:
    return [fact.assessment.news for fact in assess(store, work, *rows)]


def live_work(monotonic: Clock) -> StrategyWork:
    return StrategyWork(Settings(), RunMode.LIVE, None, 0, NewsDesk(monotonic=monotonic))


def test_what_was_fetched_is_read_back(store: Store) -> None:
    assert stored(store) is None
    keep(store, a_record())
    assert stored(store) == a_record()


def test_confirming_a_calendar_every_few_minutes_adds_no_row(store: Store) -> None:
    for minute in range(50):
        keep(store, a_record(asked_at=MIDNIGHT + minute * 60, fetched_at=MIDNIGHT + minute * 60))
    with store.reading() as reader:
        setting = reader.setting(NEWS)
        assert setting is not None
        assert (setting.version, setting.time) == (1, MIDNIGHT)
        assert calendar_age(reader, MIDNIGHT + 49 * 60) == CalendarAge(
            0, MIDNIGHT + 49 * 60, MIDNIGHT + 49 * 60, 2, LATER.time
        )


def test_a_try_in_vain_before_any_calendar_is_remembered_as_no_calendar(store: Store) -> None:
    keep(store, NewsRecord(asked_at=MIDNIGHT))
    assert stored(store) == NewsRecord(asked_at=MIDNIGHT)
    with store.reading() as reader:
        assert calendar_age(reader, MIDNIGHT) is None


def test_age_tells_a_failed_try_from_a_good_one(store: Store) -> None:
    keep(store, a_record(asked_at=MIDNIGHT + HOUR))
    with store.reading() as reader:
        age = calendar_age(reader, MIDNIGHT + 2 * HOUR)
    assert age == CalendarAge(2 * HOUR, MIDNIGHT, MIDNIGHT + HOUR, 2, LATER.time)


def test_last_weeks_calendar_goes_stale_a_day_after_its_last_event_and_a_max_age() -> None:
    calendar = a_record(fetched_at=LATER.time + 3 * DAY).calendar()
    assert calendar is not None
    assert not calendar.is_stale(LATER.time + 2 * DAY)
    assert calendar.is_stale(LATER.time + 2 * DAY + 1)


@pytest.mark.parametrize("body", ["{", '{"source": 5}'])
def test_a_spoilt_row_is_named(store: Store, body: str) -> None:
    with store.transaction() as transaction:
        transaction.save_snapshots([SnapshotRow("ingest", NEWS, 1, body)])
    with pytest.raises(InvariantError, match="table snapshots, row news_calendar: "):
        stored(store)


def test_desk_asks_the_store_once_in_a_while_and_sees_the_newest(store: Store) -> None:
    clock = Clock()
    desk = NewsDesk(5, clock)

    def ask() -> EconomicCalendar | None:
        with store.reading() as reader:
            return desk(reader)

    assert ask() is None
    keep(store, a_record())
    clock.now = 4.9
    assert ask() is None
    clock.now = 5
    first = ask()
    assert first == EconomicCalendar((RELEASE, LATER), MIDNIGHT)
    clock.now = 10
    assert ask() is first
    keep(store, a_record(fetched_at=MIDNIGHT + HOUR))
    clock.now = 15
    assert ask() == EconomicCalendar((RELEASE, LATER), MIDNIGHT + HOUR)
    keep(store, a_record(LATER, fetched_at=MIDNIGHT + 2 * HOUR))
    clock.now = 20
    assert ask() == EconomicCalendar((LATER,), MIDNIGHT + 2 * HOUR)


def test_live_candle_without_a_calendar_is_stopped_by_the_news_gate_until_one_is_fetched(store: Store) -> None:
    clock = Clock()
    work = live_work(clock)
    assert verdicts(store, work, 1) == [NEWS_CALENDAR_MISSING]
    keep(store, a_record())
    clock.now += 10
    assert verdicts(store, work, 2) == [NEWS_CALENDAR_MISSING, PASSED]
    keep(store, a_record(RELEASE._replace(time=MIDNIGHT + 3 * M5)))
    clock.now += 10
    assert verdicts(store, work, 3) == [NEWS_CALENDAR_MISSING, PASSED, NEWS_WINDOW]


def test_live_candle_is_stopped_when_the_calendar_has_grown_too_old(store: Store) -> None:
    keep(store, a_record(fetched_at=MIDNIGHT + M5 - DAY))
    assert verdicts(store, live_work(Clock()), 1, 2) == [PASSED, NEWS_CALENDAR_MISSING]


def test_pair_whose_first_candle_comes_late_goes_by_the_calendar_too(store: Store) -> None:
    clock = Clock()
    keep(store, a_record())
    work = live_work(clock)
    assess(store, work, 1)
    with store.transaction() as transaction:
        transaction.add_candles([a_candle(2, pair="GBP_USD")])
    assert verdicts(store, work) == [PASSED, PASSED]


def test_restarted_desk_goes_by_the_stored_calendar_at_once(store: Store) -> None:
    keep(store, a_record())
    assert verdicts(store, live_work(Clock()), 1) == [PASSED]
    assert verdicts(store, live_work(Clock()), 2) == [PASSED, PASSED]


def test_new_calendar_leaves_the_machine_as_it_was() -> None:
    steady, changed = (PairDesk("EUR_USD", Settings(), RunMode.LIVE, None) for _ in range(2))
    for seq in range(1, 40):
        changed.set_news(a_record(fetched_at=MIDNIGHT + seq).calendar())
        steady.assess(closed(seq))
        changed.assess(closed(seq))
    assert changed.snapshot() == steady.snapshot()


def test_past_candles_are_judged_by_the_calendar_of_the_run_and_not_by_the_stored_one(store: Store) -> None:
    keep(store, a_record(RELEASE._replace(time=MIDNIGHT)))
    given = EconomicCalendar((LATER,), MIDNIGHT)
    (fact,) = assess(store, StrategyWork(Settings(), RunMode.OFFLINE, given), 1)
    assert fact.news is not None
    assert (fact.assessment.news, fact.news.title) == (PASSED, LATER.title)


def test_cache_file_lies_beside_its_database(tmp_path: Path) -> None:
    assert cache_beside(sqlite_url(tmp_path / "paper.db")) == tmp_path / "paper.news.json"
    assert cache_beside("postgresql://localhost/scalpbot") is None


def test_cache_file_is_read_back_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "paper.news.json"
    assert read_cache(path) is None
    write_cache(path, a_record())
    write_cache(path, a_record(LATER))
    assert read_cache(path) == a_record(LATER)
    assert [each.name for each in path.parent.iterdir()] == ["paper.news.json"]


def test_cut_off_cache_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "paper.news.json"
    write_cache(path, a_record())
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="the cached news calendar cannot be read"):
        read_cache(path)


def test_no_age_is_shown_before_a_calendar_is_there() -> None:
    metrics = ServiceMetrics("ingest", "0")
    assert metrics.of(FeedMetrics) is metrics.of(FeedMetrics)
    age = metrics.registry.get_sample_value("scalpbot_news_calendar_age_seconds")
    assert age is not None
    assert age != age  # noqa: PLR0124  (NaN alone differs from itself)
