"""A column of times and each of its times alone always get the same calendar facts, and the zone database's."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar.economic import EconomicCalendar, EconomicEvent
from shared.calendar.facts import CalendarRules, PairCalendar
from shared.calendar.market_hours import is_market_open, market_open, open_seconds_between
from shared.calendar.sessions import SessionWindow, is_session_open, session_open
from shared.calendar.trading_day import trading_day_date, trading_day_numbers
from shared.calendar.zones import zone_offsets
from shared.contracts.instruments import instrument
from shared.core.types import CalendarFacts

ZONES = ("UTC", "Europe/London", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe", "Africa/Casablanca")
FIRST = int(datetime(1975, 1, 1, tzinfo=UTC).timestamp())
LAST = int(datetime(2045, 1, 1, tzinfo=UTC).timestamp())
CLOCK_CHANGES = (1394348400, 1414908000, 1396141200, 1414285200, 1396706400)

zones = st.sampled_from(ZONES)
moments = st.one_of(
    st.integers(FIRST, LAST),
    st.builds(lambda change, shift: change + shift, st.sampled_from(CLOCK_CHANGES), st.integers(-90_000, 90_000)),
)
columns = st.lists(moments, max_size=30)
windows = st.builds(
    lambda start, length, zone: SessionWindow(start, (start + length) % 1440 or 1440, zone),
    st.integers(1, 1439),
    st.integers(1, 1438),
    zones,
)
events = st.builds(
    EconomicEvent,
    moments,
    st.sampled_from(["USD", "EUR", "JPY", "All"]),
    st.just("News"),
    st.sampled_from(["High", "Medium"]),
)
calendars = st.none() | st.builds(
    lambda found, fetched_at: EconomicCalendar(tuple(sorted(found)), fetched_at), st.lists(events, max_size=8), moments
)


def wall_clock(time: int, zone: str) -> datetime:
    """Return what the zone database says a clock shows."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time)).astimezone(ZoneInfo(zone))


@given(columns, zones)
def test_offsets_are_those_of_the_zone_database(times: list[int], zone: str) -> None:
    expected = []
    for time in times:
        offset = wall_clock(time, zone).utcoffset()
        assert offset is not None
        expected.append(int(offset.total_seconds()))
    assert zone_offsets(np.array(times, np.int64), zone).tolist() == expected
    assert [zone_offsets(time, zone) for time in times] == expected


@given(moments)
def test_market_is_open_by_the_wall_clock_of_new_york(time: int) -> None:
    clock = wall_clock(time, "America/New_York")
    hours_into_week = clock.weekday() * 24 + clock.hour
    assert is_market_open(time) is not (4 * 24 + 17 <= hours_into_week < 6 * 24 + 17)


@given(windows, moments)
def test_session_is_open_by_the_wall_clock_of_its_zone(window: SessionWindow, time: int) -> None:
    clock = wall_clock(time, window.zone)
    minute = clock.hour * 60 + clock.minute
    if window.start_minute < window.end_minute:
        expected = window.start_minute <= minute < window.end_minute
    else:
        expected = minute >= window.start_minute or minute < window.end_minute
    assert is_session_open((window,), time) is expected


@given(moments, zones, st.integers(0, 23))
def test_trading_day_is_the_date_of_the_wall_clock_set_back(time: int, zone: str, hour: int) -> None:
    set_back = wall_clock(time, zone).replace(tzinfo=None) - timedelta(hours=hour)
    assert trading_day_date(trading_day_numbers(time, zone, hour)) == set_back.date()


@given(moments, st.integers(0, 3000))
def test_open_seconds_of_a_span_count_its_open_minutes(start: int, minutes: int) -> None:
    start -= start % 60
    counted = sum(60 for minute in range(minutes) if is_market_open(start + minute * 60))
    assert open_seconds_between(start, start + minutes * 60) == counted


@given(
    columns,
    st.lists(windows, max_size=3),
    zones,
    st.integers(0, 23),
    calendars,
    st.booleans(),
    st.sampled_from([60, 300, 3600]),
)
def test_column_of_candles_gets_the_facts_of_each_candle(
    opens: list[int],
    pair_windows: list[SessionWindow],
    zone: str,
    hour: int,
    news: EconomicCalendar | None,
    blocks: bool,
    granularity: int,
) -> None:
    rules = CalendarRules(instrument("EUR_USD"), tuple(pair_windows), zone, hour, blocks_without_news=blocks)
    calendar = PairCalendar(rules, news)
    open_times = np.array(opens, np.int64)
    found = calendar.facts(open_times + granularity, open_times)
    column = [CalendarFacts(*row) for row in zip(*(each.tolist() for each in found), strict=True)]
    assert column == [calendar.fact_at(time + granularity, time) for time in opens]


@given(moments, st.integers(1, 7200), st.integers(2, 600), windows)
def test_a_column_in_order_gets_the_hours_of_each_of_its_times(
    first: int, step: int, count: int, window: SessionWindow
) -> None:
    times = np.arange(count) * step + first
    assert market_open(times).tolist() == [is_market_open(time) for time in times.tolist()]
    assert session_open((window,), times).tolist() == [is_session_open((window,), time) for time in times.tolist()]
