"""The clock of the simulated market: it runs at any speed, or moves only when told to."""

import threading
import time
from typing import Final

from shared.calendar.market_hours import is_market_open
from shared.calendar.zones import local_seconds, zone_offsets
from shared.core.types import SECONDS_PER_DAY
from tests.simulators.oanda.moments import NANOSECONDS

_NEW_YORK: Final = "America/New_York"
_WEEK_SECONDS: Final = 7 * SECONDS_PER_DAY
_WEEKEND_SECONDS: Final = 2 * SECONDS_PER_DAY
# The epoch began on a Thursday, so the first Friday 17:00 is a day and 17 hours into it.
_FIRST_CLOSE: Final = SECONDS_PER_DAY + 17 * 3600
# What stays of a skipped weekend, for a client to see the market closed.
_SEEN_AFTER_CLOSE_SECONDS: Final = 120
_SEEN_BEFORE_OPENING_SECONDS: Final = 60


class VirtualClock:
    """Tell the time of the simulated market; `speed` is market seconds per real second, 0 stands still."""

    def __init__(self, start_seconds: float, speed: float = 0.0, *, skips_weekends: bool = False) -> None:
        """Start at a time in seconds since the epoch; a skipped weekend lasts three minutes."""
        self._now = round(start_seconds * NANOSECONDS)
        self._speed = speed
        self._skips_weekends = skips_weekends
        self._lock = threading.Lock()
        self._seen = time.monotonic_ns()

    @property
    def speed(self) -> float:
        """Return the market seconds per real second."""
        return self._speed

    def now(self) -> float:
        """Return the market's time in seconds since the epoch."""
        return self.now_nanoseconds() / NANOSECONDS

    def now_nanoseconds(self) -> int:
        """Return the market's time in nanoseconds since the epoch."""
        with self._lock:
            return self._run()

    def advance(self, seconds: float) -> None:
        """Move the market's time forward at once."""
        with self._lock:
            self._run()
            self._move(round(seconds * NANOSECONDS))

    def set_speed(self, speed: float) -> None:
        """Run at another speed from now on."""
        with self._lock:
            self._run()
            self._speed = speed

    def _run(self) -> int:
        real = time.monotonic_ns()
        self._move(int((real - self._seen) * self._speed))
        self._seen = real
        return self._now

    def _move(self, nanoseconds: int) -> None:
        target = self._now + nanoseconds
        while self._skips_weekends:
            start, end = (each * NANOSECONDS for each in _skipped_after(self._now // NANOSECONDS))
            if target < start:
                break
            target = end + (target - max(start, self._now))
            self._now = end
        self._now = target


def _skipped_after(seconds: int) -> tuple[int, int]:
    """Return from when to when the weekend is skipped that a time lies in, or the next one."""
    close = _close_of_week(seconds)
    opening = close + _WEEKEND_SECONDS
    opening += zone_offsets(close, _NEW_YORK) - zone_offsets(opening, _NEW_YORK)
    start, end = close + _SEEN_AFTER_CLOSE_SECONDS, opening - _SEEN_BEFORE_OPENING_SECONDS
    return (start, end) if seconds < end else _skipped_after(opening)


def _close_of_week(seconds: int) -> int:
    """Return the close that began the weekend of a time, or the next one if the market is open."""
    into_week = (local_seconds(seconds, _NEW_YORK) - _FIRST_CLOSE) % _WEEK_SECONDS
    if is_market_open(seconds):
        return seconds + _WEEK_SECONDS - into_week
    close = seconds - into_week
    return close + zone_offsets(seconds, _NEW_YORK) - zone_offsets(close, _NEW_YORK)
