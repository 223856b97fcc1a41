"""When the currency market is open: all week but from Friday 17:00 until before Sunday 17:00 New York time."""

from typing import Final

from shared.calendar.marks import Times
from shared.calendar.zones import Bools, local_seconds, recurring
from shared.core.columns import Integers
from shared.core.types import SECONDS_PER_DAY

_ZONE: Final = "America/New_York"
_WEEK_SECONDS: Final = 7 * SECONDS_PER_DAY
_WEEKEND_SECONDS: Final = 2 * SECONDS_PER_DAY
# The epoch began on a Thursday, so the first close is a day and 17 hours into it.
_FIRST_CLOSE: Final = SECONDS_PER_DAY + 17 * 3600


def _seconds_since_close(times: Times) -> Times:
    return (local_seconds(times, _ZONE) - _FIRST_CLOSE) % _WEEK_SECONDS


def market_open(times: Integers) -> Bools:
    """Return for each time whether the market is open."""
    opening, length = _FIRST_CLOSE + _WEEKEND_SECONDS, _WEEK_SECONDS - _WEEKEND_SECONDS
    return recurring(times, _ZONE, opening, length, _WEEK_SECONDS)


def is_market_open(time: int) -> bool:
    """Return whether the market is open at one time."""
    return _seconds_since_close(time) >= _WEEKEND_SECONDS


def _open_seconds_until(time: int) -> int:
    """Count the open seconds before a time; New York moves its clocks on Sundays while the market is closed."""
    weeks, into_week = divmod(local_seconds(time, _ZONE) - _FIRST_CLOSE, _WEEK_SECONDS)
    return weeks * (_WEEK_SECONDS - _WEEKEND_SECONDS) + max(0, into_week - _WEEKEND_SECONDS)


def open_seconds_between(start: int, end: int) -> int:
    """Return how many seconds of the span from `start` to before `end` the market is open."""
    return _open_seconds_until(end) - _open_seconds_until(start)
