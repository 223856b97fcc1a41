"""A made-up but plausible calendar of economic events for the demo market."""

from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from shared.calendar.economic import EconomicEvent
from shared.core.types import SECONDS_PER_DAY

_LONDON: Final = "Europe/London"
_FRANKFURT: Final = "Europe/Berlin"
_NEW_YORK: Final = "America/New_York"
_TOKYO: Final = "Asia/Tokyo"
_FIRST_MONDAY: Final = date(1970, 1, 5)
_NEWS_STREAM: Final = 0x6E657773


class _Release(NamedTuple):
    title: str
    currency: str
    zone: str
    weekday: int
    hour: int
    minute: int
    impact: str
    percent_of_weeks: int


# A column for each field.
_RELEASES: Final = tuple(
    map(
        _Release._make,
        (
            ("Tokyo Core CPI y/y", "JPY", _TOKYO, 4, 8, 30, "Medium", 50),
            ("Household Spending y/y", "JPY", _TOKYO, 1, 8, 30, "Low", 50),
            ("Retail Sales y/y", "JPY", _TOKYO, 3, 8, 50, "Low", 60),
            ("Tankan Manufacturing Index", "JPY", _TOKYO, 0, 8, 50, "Medium", 30),
            ("BOJ Policy Rate", "JPY", _TOKYO, 1, 12, 30, "High", 40),
            ("German Factory Orders m/m", "EUR", _FRANKFURT, 2, 8, 0, "Medium", 60),
            ("German Flash Manufacturing PMI", "EUR", _FRANKFURT, 3, 9, 30, "High", 60),
            ("ZEW Economic Sentiment", "EUR", _FRANKFURT, 1, 11, 0, "Medium", 60),
            ("Core CPI Flash Estimate y/y", "EUR", _FRANKFURT, 2, 11, 0, "High", 50),
            ("Italian Trade Balance", "EUR", _FRANKFURT, 4, 10, 0, "Low", 70),
            ("Main Refinancing Rate", "EUR", _FRANKFURT, 3, 14, 15, "High", 40),
            ("ECB Press Conference", "EUR", _FRANKFURT, 3, 14, 45, "High", 40),
            ("CPI y/y", "GBP", _LONDON, 2, 7, 0, "High", 40),
            ("Claimant Count Change", "GBP", _LONDON, 1, 7, 0, "Medium", 60),
            ("Construction PMI", "GBP", _LONDON, 2, 9, 30, "Medium", 50),
            ("GDP m/m", "GBP", _LONDON, 4, 7, 0, "High", 40),
            ("RICS House Price Balance", "GBP", _LONDON, 3, 0, 1, "Low", 50),
            ("Official Bank Rate", "GBP", _LONDON, 3, 12, 0, "High", 40),
            ("ISM Services PMI", "USD", _NEW_YORK, 2, 10, 0, "High", 40),
            ("JOLTS Job Openings", "USD", _NEW_YORK, 1, 10, 0, "High", 40),
            ("Core CPI m/m", "USD", _NEW_YORK, 1, 8, 30, "High", 50),
            ("Core Retail Sales m/m", "USD", _NEW_YORK, 3, 8, 30, "High", 50),
            ("Unemployment Claims", "USD", _NEW_YORK, 3, 8, 30, "Medium", 100),
            ("Federal Funds Rate", "USD", _NEW_YORK, 2, 14, 0, "High", 30),
            ("Non-Farm Employment Change", "USD", _NEW_YORK, 4, 8, 30, "High", 50),
            ("Natural Gas Storage", "USD", _NEW_YORK, 3, 10, 30, "Low", 100),
            ("Factory Orders m/m", "USD", _NEW_YORK, 0, 10, 0, "Low", 60),
        ),
    )
)


def week_of(moment: int) -> int:
    """Return the number of the week, counted from Monday 1970-01-05, whose trading a time belongs to.

    A trading week begins on the Sunday evening before its Monday, so Sundays count to the week that follows.
    """
    return (moment // SECONDS_PER_DAY - 3) // 7


def monday_of(week: int) -> date:
    """Return the Monday of a numbered week."""
    return _FIRST_MONDAY + timedelta(weeks=week)


def demo_events(seed: int, week: int) -> tuple[EconomicEvent, ...]:
    """Return a week's events in order of time; the same for every pair with this seed."""
    draws = np.random.PCG64(np.random.SeedSequence([seed, _NEWS_STREAM, week])).random_raw(len(_RELEASES))
    chosen = [
        release
        for release, draw in zip(_RELEASES, draws.tolist(), strict=True)
        if (draw >> 33) % 100 < release.percent_of_weeks
    ]
    return tuple(sorted(_event(release, week) for release in chosen))


def _event(release: _Release, week: int) -> EconomicEvent:
    day = monday_of(week) + timedelta(days=release.weekday)
    moment = datetime.combine(day, time(release.hour, release.minute), ZoneInfo(release.zone))
    return EconomicEvent(
        time=int(moment.timestamp()), currency=release.currency, title=release.title, impact=release.impact
    )
