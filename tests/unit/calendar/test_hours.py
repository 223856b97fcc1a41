"""When the market, a session and a trading day are open, closed and over."""

from bisect import bisect_left
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from shared.calendar.market_hours import is_market_open, market_open, open_seconds_between
from shared.calendar.sessions import SessionWindow, default_windows, is_session_open, parse_window, session_open
from shared.calendar.trading_day import trading_day_date, trading_day_numbers
from shared.calendar.zones import zone_offsets
from shared.contracts.errors import InputError


def at(text: str) -> int:
    """Return the seconds of an ISO time with offset."""
    return int(datetime.fromisoformat(text).timestamp())


def closed_throughout(start: int, end: int) -> bool:
    return open_seconds_between(start, end) == 0


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2014-05-02T20:59:59Z", True),
        ("2014-05-02T21:00:00Z", False),
        ("2014-05-04T20:59:59Z", False),
        ("2014-05-04T21:00:00Z", True),
        ("2014-01-03T21:59:59Z", True),
        ("2014-01-03T22:00:00Z", False),
        ("2014-01-05T21:59:59Z", False),
        ("2014-01-05T22:00:00Z", True),
        ("2014-05-07T03:00:00Z", True),
    ],
)
def test_market_closes_from_friday_to_sunday_at_17_in_new_york(moment: str, is_open: bool) -> None:
    assert is_market_open(at(moment)) is is_open
    assert market_open(np.array([at(moment)])).tolist() == [is_open]


def test_gap_over_the_weekend_is_closed_throughout() -> None:
    assert closed_throughout(at("2014-05-02T21:00Z"), at("2014-05-04T21:00Z"))
    assert open_seconds_between(at("2014-05-02T20:58Z"), at("2014-05-04T21:03Z")) == 5 * 60


def test_gap_that_reaches_into_trading_hours_is_not_closed_throughout() -> None:
    assert not closed_throughout(at("2014-05-02T20:59Z"), at("2014-05-04T21:00Z"))
    assert not closed_throughout(at("2014-05-02T21:00Z"), at("2014-05-04T21:01Z"))
    assert not closed_throughout(at("2014-05-02T21:00Z"), at("2014-05-11T21:00Z"))


def test_weekend_of_a_clock_change_is_closed_for_an_hour_less_or_more() -> None:
    assert closed_throughout(at("2014-03-07T22:00Z"), at("2014-03-09T21:00Z"))
    assert not closed_throughout(at("2014-03-07T22:00Z"), at("2014-03-09T21:01Z"))
    assert closed_throughout(at("2014-10-31T21:00Z"), at("2014-11-02T22:00Z"))


@pytest.mark.parametrize(
    ("window", "moment", "is_open"),
    [
        ("08:00-17:00 UTC", "2014-05-06T07:59:59Z", False),
        ("08:00-17:00 UTC", "2014-05-06T08:00:00Z", True),
        ("08:00-17:00 UTC", "2014-05-06T16:59:59Z", True),
        ("08:00-17:00 UTC", "2014-05-06T17:00:00Z", False),
        ("london", "2014-05-06T07:00:00Z", True),
        ("london", "2014-01-07T07:00:00Z", False),
        ("new_york", "2014-05-06T12:00:00Z", True),
        ("new_york", "2014-05-06T11:59:00Z", False),
        ("tokyo", "2014-05-06T00:00:00Z", True),
        ("tokyo", "2014-05-06T09:00:00Z", False),
        ("22:00-06:00 UTC", "2014-05-06T23:30:00Z", True),
        ("22:00-06:00 UTC", "2014-05-06T05:59:00Z", True),
        ("22:00-06:00 UTC", "2014-05-06T06:00:00Z", False),
        ("16:00-24:00 UTC", "2014-05-06T23:59:59Z", True),
        ("16:00-24:00 UTC", "2014-05-07T00:00:00Z", False),
        ("00:00-24:00 UTC", "2014-05-07T00:00:00Z", True),
        ("22:00-00:00 UTC", "2014-05-06T23:59:59Z", True),
        ("22:00-00:00 UTC", "2014-05-07T00:00:00Z", False),
        ("22:00-00:01 UTC", "2014-05-07T00:00:59Z", True),
        ("08:30-17:45 UTC", "2014-05-06T08:29:59Z", False),
        ("08:30-17:45 UTC", "2014-05-06T17:44:59Z", True),
    ],
)
def test_session_is_open_from_start_to_before_end_in_its_zone(window: str, moment: str, is_open: bool) -> None:
    windows = (parse_window(window),)
    assert is_session_open(windows, at(moment)) is is_open
    assert session_open(windows, np.array([at(moment)])).tolist() == [is_open]


def test_session_is_open_in_any_of_several_windows_and_never_without_one() -> None:
    windows = (parse_window("08:00-09:00 UTC"), parse_window("12:00-13:00 UTC"))
    assert is_session_open(windows, at("2014-05-06T12:30Z"))
    assert not is_session_open(windows, at("2014-05-06T10:00Z"))
    assert not is_session_open((), at("2014-05-06T12:30Z"))


@pytest.mark.parametrize(
    ("pair", "window"),
    [
        ("EUR_USD", "08:00-17:00 UTC"),
        ("GBP_USD", "08:00-13:00 UTC"),
        ("USD_JPY", "00:00-09:00 UTC"),
        ("AUD_NZD", "08:00-17:00 UTC"),
    ],
)
def test_pairs_have_their_default_window(pair: str, window: str) -> None:
    assert [str(each) for each in default_windows(pair)] == [window]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "paris",
        "08:00-17:00",
        "8-17 UTC",
        "08:00-24:01 UTC",
        "24:00-08:00 UTC",
        "08:60-09:00 UTC",
        "09:00-09:00 UTC",
    ],
)
def test_malformed_window_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(InputError, match="session window"):
        parse_window(text)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "Europe"])
def test_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(InputError, match="not a time zone"):
        parse_window(f"08:00-17:00 {zone}")
    with pytest.raises(InputError, match="not a time zone"):
        zone_offsets(np.array([], np.int64), zone)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/London", "2024-03-31"),
        ("Europe/London", "2024-10-27"),
        ("America/New_York", "2024-03-10"),
        ("America/New_York", "2024-11-03"),
        ("Australia/Lord_Howe", "2024-04-06"),
        ("Africa/Monrovia", "1972-01-07"),
        # The last day of a block of those for which the zone is asked at once.
        ("Asia/Damascus", "1977-08-31"),
    ],
)
def test_an_offset_comes_into_force_at_the_second_of_its_change(zone: str, day: str) -> None:
    def offset(time: int) -> timedelta | None:
        return datetime.fromtimestamp(time, ZoneInfo(zone)).utcoffset()

    start = at(f"{day}T00:00:00Z")
    change = start + bisect_left(range(86_400), True, key=lambda second: offset(start + second) != offset(start))
    times = [change + shift for shift in (-86_401, -86_400, -1, 0, 1, 86_399, 86_400)]
    expected = [int(told.total_seconds()) for time in times if (told := offset(time)) is not None]
    assert expected[2] != expected[3]
    assert [zone_offsets(time, zone) for time in times] == expected
    assert zone_offsets(np.array(times, np.int64), zone).tolist() == expected


def test_a_first_candle_days_before_the_others_is_in_its_own_session() -> None:
    window = parse_window("London")
    for first, is_open in (("2024-03-04T09:00:00Z", True), ("2024-03-04T07:00:00Z", False)):
        times = [at(first), *(at("2024-03-06T10:00:00Z") + 60 * minute for minute in range(9))]
        assert session_open((window,), np.array(times, np.int64)).tolist() == [is_open, *[True] * 9]


def test_preset_and_its_spelled_out_window_are_equal() -> None:
    assert (
        parse_window("London") == SessionWindow(480, 1020, "Europe/London") == parse_window("08:00-17:00 Europe/London")
    )


def test_trading_day_is_the_utc_date_by_default() -> None:
    assert trading_day_date(trading_day_numbers(at("2014-05-06T23:59:00Z"))) == date(2014, 5, 6)
    assert trading_day_date(trading_day_numbers(at("2014-05-07T00:00:00Z"))) == date(2014, 5, 7)


def test_trading_day_follows_the_zone_and_hour_through_clock_changes() -> None:
    opens = [at("2014-03-07T21:59Z"), at("2014-03-07T22:00Z"), at("2014-03-10T20:59Z"), at("2014-03-10T21:00Z")]
    numbers = trading_day_numbers(np.array(opens), "America/New_York", 17)
    dates = [trading_day_date(number) for number in numbers.tolist()]
    assert dates == [date(2014, 3, 6), date(2014, 3, 7), date(2014, 3, 9), date(2014, 3, 10)]
