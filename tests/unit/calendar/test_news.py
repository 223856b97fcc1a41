"""Reading the news calendar, and what it says of a candle."""

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from shared.calendar.economic import EconomicCalendar, EconomicEvent, parse_calendar, read_calendar
from shared.calendar.facts import CalendarRules, PairCalendar
from shared.calendar.sessions import default_windows
from shared.contracts.errors import InputError
from shared.contracts.instruments import instrument
from shared.core.types import NEWS_CLEAR, NEWS_MISSING, NEWS_NEAR, CalendarFacts
from tests.material import shared_material

EVENT = {"title": "Payrolls", "country": "USD", "date": "2014-05-02T08:30:00-04:00", "impact": "High"}
EVENT_TIME = int(datetime.fromisoformat("2014-05-02T12:30:00+00:00").timestamp())
MINUTE = 60
DAY = 86_400


def calendar_of(*events: EconomicEvent, fetched_at: int = EVENT_TIME) -> EconomicCalendar:
    """Return a calendar of the events."""
    return EconomicCalendar(events, fetched_at)


def event(currency: str = "USD", impact: str = "High", time: int = EVENT_TIME) -> EconomicEvent:
    """Return an event."""
    return EconomicEvent(time, currency, "Payrolls", impact)


def pair_calendar(news: EconomicCalendar | None, *, blocks: bool = False, pair: str = "EUR_USD") -> PairCalendar:
    """Return a pair's calendar with default rules."""
    rules = CalendarRules(instrument(pair), default_windows(pair), blocks_without_news=blocks)
    return PairCalendar(rules, news)


def test_weekly_file_is_read_with_its_extra_keys_ignored(tmp_path: Path) -> None:
    path = tmp_path / "week.json"
    path.write_text(json.dumps([{**EVENT, "forecast": "215K", "previous": ""}]), encoding="utf-8")
    calendar = read_calendar(path)
    assert calendar.events == (event(),)
    assert not calendar.is_stale(EVENT_TIME + 1000 * DAY)


def test_recorded_fortnight_is_read() -> None:
    calendar = read_calendar(shared_material("data", "calendar_2014-05.json"))
    assert len(calendar.high_impact(["EUR", "USD"])) == 7


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"date": "2014-05-02T08:30:00"}, "entry 2: key 'date' is '2014-05-02T08:30:00'; write an ISO date"),
        ({"date": "tomorrow"}, "entry 2: key 'date' is 'tomorrow'"),
        ({"date": 5}, "entry 2: key 'date' is 5; it must be text"),
        ({"title": None}, "entry 2: key 'title' is null; it must be text"),
        ({"country": "US"}, "entry 2: key 'country' is 'US'; it must be a currency such as USD, or All"),
        ({"country": "US1"}, "entry 2: key 'country' is 'US1'; it must be a currency such as USD, or All"),
        ({"country": "€UR"}, "entry 2: key 'country' is '€UR'; it must be a currency such as USD, or All"),
        ({"impact": "Hihg"}, "entry 2: key 'impact' is 'Hihg'; it must be one of High, Medium"),
    ],
)
def test_bad_entry_is_refused_naming_file_entry_and_key(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_calendar(json.dumps([EVENT, {**EVENT, **change}]), "week.json", 0)
    assert str(refusal.value).startswith(f"week.json: {complaint}")


def test_missing_key_is_named() -> None:
    entry = {key: value for key, value in EVENT.items() if key != "impact"}
    with pytest.raises(InputError, match="entry 1: key 'impact' is missing"):
        parse_calendar(json.dumps([entry]), "week.json", 0)


@pytest.mark.parametrize("text", ["", "[", '{"events": []}', "[3]", "[" * 100_000])
def test_file_that_is_no_list_of_events_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"week\.json"):
        parse_calendar(text, "week.json", 0)


def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.json does not exist; give the path of a news calendar"):
        read_calendar(tmp_path / "absent.json")


@pytest.mark.parametrize(
    ("seconds_from_event", "near"),
    [(-15 * MINUTE, True), (15 * MINUTE, True), (-15 * MINUTE - 1, False), (15 * MINUTE + 1, False), (0, True)],
)
def test_news_is_near_up_to_and_including_the_bounds(seconds_from_event: int, near: bool) -> None:
    time = EVENT_TIME + seconds_from_event
    assert calendar_of(event()).windows(("EUR", "USD")).hold(np.array([time])).tolist() == [near]
    expected = NEWS_NEAR if near else NEWS_CLEAR
    assert pair_calendar(calendar_of(event())).fact_at(time, time - MINUTE).news == expected


@pytest.mark.parametrize(
    ("currency", "impact", "verdict"),
    [
        ("EUR", "High", NEWS_NEAR),
        ("All", "High", NEWS_NEAR),
        ("JPY", "High", NEWS_CLEAR),
        ("USD", "Medium", NEWS_CLEAR),
        ("USD", "Holiday", NEWS_CLEAR),
    ],
)
def test_only_high_impact_news_of_either_currency_or_all_counts(currency: str, impact: str, verdict: int) -> None:
    assert pair_calendar(calendar_of(event(currency, impact))).fact_at(EVENT_TIME, EVENT_TIME - 60).news == verdict


@pytest.mark.parametrize("currency", ["CNY", "CNH", "USD"])
def test_pair_of_the_offshore_yuan_is_kept_from_news_of_the_yuan(currency: str) -> None:
    calendar = pair_calendar(calendar_of(event(currency)), pair="USD_CNH")
    assert calendar.fact_at(EVENT_TIME, EVENT_TIME + 5 * MINUTE).news == NEWS_NEAR


def test_calendar_is_stale_once_older_than_a_day() -> None:
    calendar = calendar_of()
    assert not calendar.is_stale(EVENT_TIME + DAY)
    assert calendar.is_stale(EVENT_TIME + DAY + 1)


def test_missing_or_stale_calendar_counts_only_where_it_blocks() -> None:
    later = EVENT_TIME + 2 * DAY
    for news in (None, calendar_of(event())):
        blocking, allowing = pair_calendar(news, blocks=True), pair_calendar(news)
        assert blocking.fact_at(later, later - MINUTE).news == NEWS_MISSING
        assert allowing.fact_at(later, later - MINUTE).news == NEWS_CLEAR
        assert blocking.facts(np.array([later]), np.array([later - MINUTE])).news.tolist() == [NEWS_MISSING]
        assert allowing.facts(np.array([later]), np.array([later - MINUTE])).news.tolist() == [NEWS_CLEAR]


def test_session_is_judged_at_decision_time_and_trading_day_at_open_time() -> None:
    midnight = int(datetime.fromisoformat("2014-05-07T00:00:00+00:00").timestamp())
    facts = pair_calendar(None, pair="USD_JPY").fact_at(midnight, midnight - 5 * MINUTE)
    assert facts == CalendarFacts(market_open=True, session_open=True, news=NEWS_CLEAR, trading_day=midnight // DAY - 1)


def test_long_column_of_candles_gets_the_facts_of_each_candle() -> None:
    open_times = EVENT_TIME - 30 * DAY + np.arange(100_000) * MINUTE
    calendar = pair_calendar(calendar_of(event(), event("EUR", time=EVENT_TIME + 3 * MINUTE)))
    found = calendar.facts(open_times + MINUTE, open_times)
    assert [len(column) for column in found] == [100_000] * 4
    assert int((found.news == NEWS_NEAR).sum()) == 34
    for index in (0, 32_767, 32_768, 43_185, 99_999):
        time = int(open_times[index])
        assert tuple(int(column[index]) for column in found) == calendar.fact_at(time + MINUTE, time)


@pytest.mark.parametrize(("late", "verdict"), [(0, NEWS_CLEAR), (1, NEWS_MISSING)])
def test_calendar_is_stale_once_it_is_older_than_a_day_for_one_candle_as_for_many(late: int, verdict: int) -> None:
    calendar = pair_calendar(calendar_of(fetched_at=EVENT_TIME), blocks=True)
    decided = EVENT_TIME + DAY + late
    assert calendar.fact_at(decided, decided).news == verdict
    assert calendar.facts(np.array([decided]), np.array([decided])).news.tolist() == [verdict]


def test_no_candles_have_no_facts() -> None:
    nothing = np.array([], np.int64)
    assert [len(column) for column in pair_calendar(None).facts(nothing, nothing)] == [0, 0, 0, 0]
