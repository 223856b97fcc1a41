"""OANDA's times are read to the last nanosecond."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.times import format_time
from shared.oanda.times import NANOSECONDS_PER_SECOND, parse_time_nanoseconds, parse_time_seconds

moments = st.integers(0, 4_000_000_000 * NANOSECONDS_PER_SECOND)


@given(moments)
def test_written_time_is_read_to_the_nanosecond(nanoseconds: int) -> None:
    seconds, rest = divmod(nanoseconds, NANOSECONDS_PER_SECOND)
    assert parse_time_nanoseconds(f"{format_time(seconds)[:-1]}.{rest:09d}Z") == nanoseconds


@given(moments)
def test_unix_time_and_written_time_mean_the_same_moment(nanoseconds: int) -> None:
    seconds, rest = divmod(nanoseconds, NANOSECONDS_PER_SECOND)
    assert parse_time_nanoseconds(f"{seconds}.{rest:09d}") == nanoseconds


@given(st.integers(0, 4_000_000_000))
def test_whole_seconds_agree_with_the_calendar(seconds: int) -> None:
    text = format_time(seconds)
    assert text == datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert parse_time_seconds(text) == seconds


def test_recorded_forms_are_read_exactly() -> None:
    assert parse_time_nanoseconds("2026-09-23T21:14:07.570329138Z") == 1_790_198_047_570_329_138
    assert parse_time_nanoseconds("1509281144.757577547") == 1_509_281_144_757_577_547
    assert parse_time_nanoseconds("0") == 0
    assert parse_time_nanoseconds("1970-01-01T00:00:01.5Z") == 1_500_000_000
    assert parse_time_nanoseconds("1.05") == 1_050_000_000
    assert parse_time_nanoseconds("2017-01-01T02:00:00.5+02:00") == parse_time_nanoseconds("2017-01-01T00:00:00.5Z")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-09-23T21:14:07",
        "2026-09-23",
        "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00+99:00",
        "1509281144.7575775471",
        "-1",
        "1e9",
        " 1",
        "\u0661",
    ],
)
def test_text_that_names_no_moment_exactly_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_time_nanoseconds(text)


def test_time_between_two_seconds_opens_no_candle() -> None:
    with pytest.raises(ValueError, match="between two seconds"):
        parse_time_seconds("2026-09-23T21:14:07.5Z")
