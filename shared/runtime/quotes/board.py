"""The newest price of each pair, handed from who receives prices to who acts on them."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from shared.contracts.facts import Quote

_MOST_WAITING: Final = 10_000


class QuoteBoard:
    """The newest quote of every pair, and those that nobody has looked at yet; threads may share it.

    It knows the feed's time, too: that of the newest quote of any pair, and what has passed since that came.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin without quotes; `monotonic` is seconds."""
        self._monotonic = monotonic
        self._feed_time: float | None = None
        self._told_at = 0.0
        self._lock = threading.Lock()
        self._newest: dict[str, Quote] = {}
        self._waiting: list[Quote] = []

    def put(self, quotes: Iterable[Quote]) -> None:
        """Add quotes as they come; one that is older than its pair's newest is dropped."""
        with self._lock:
            for quote in quotes:
                self._note(quote.time)
                known = self._newest.get(quote.pair)
                if known is None or quote.time >= known.time:
                    self._newest[quote.pair] = quote
                    self._waiting.append(quote)
            # Prices are replaceable; whoever does not look for so long has other troubles.
            del self._waiting[:-_MOST_WAITING]

    def take(self) -> list[Quote]:
        """Return the quotes that came since this was last asked, oldest first."""
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken

    def newest(self, pair: str) -> Quote | None:
        """Return a pair's newest quote."""
        with self._lock:
            return self._newest.get(pair)

    def age_seconds(self, pair: str) -> float | None:
        """Return how old a pair's newest quote is by the feed's time, in seconds; None without one."""
        with self._lock:
            quote, now = self._newest.get(pair), self._now()
        return None if quote is None or now is None else now - quote.time

    def _note(self, told: int) -> None:
        now = self._now()
        if now is None or told > now:
            self._feed_time, self._told_at = float(told), self._monotonic()

    def _now(self) -> float | None:
        return None if self._feed_time is None else self._feed_time + self._monotonic() - self._told_at
