"""The newest price of each pair, handed from who receives prices to who acts on them."""

import threading
from collections.abc import Iterable
from typing import Final

from shared.contracts.facts import Quote

_MOST_WAITING: Final = 10_000


class QuoteBoard:
    """The newest quote of every pair, and those that nobody has looked at yet; threads may share it."""

    def __init__(self) -> None:
        """Begin without quotes."""
        self._lock = threading.Lock()
        self._newest: dict[str, Quote] = {}
        self._waiting: list[Quote] = []

    def put(self, quotes: Iterable[Quote]) -> None:
        """Add quotes as they come; one that is older than its pair's newest is dropped."""
        with self._lock:
            for quote in quotes:
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
