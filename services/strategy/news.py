"""The economic calendar that live desks go by: the newest one of the store, looked up once in a while."""

import time
from collections.abc import Callable
from typing import Final

from shared.calendar.economic import EconomicCalendar
from shared.runtime.news import NewsRecord, NewsView
from shared.store.port import Reader

REFRESH_SECONDS: Final = 5.0


class NewsDesk:
    """Tell the calendar of the moment, asking the store at most every few seconds and never anyone else."""

    def __init__(
        self, refresh_seconds: float = REFRESH_SECONDS, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask the store with the first call."""
        self._refresh_seconds = refresh_seconds
        self._monotonic = monotonic
        self._next_look = float("-inf")
        self._view = NewsView()
        self._record: NewsRecord | None = None
        self._calendar: EconomicCalendar | None = None

    def __call__(self, reader: Reader) -> EconomicCalendar | None:
        """Return the newest calendar, None where there is none; the same object as long as nothing changes."""
        now = self._monotonic()
        if now >= self._next_look:
            record = self._view.read(reader)
            self._next_look = now + self._refresh_seconds
            if record is not self._record:
                self._record = record
                self._calendar = None if record is None else record.calendar()
        return self._calendar
