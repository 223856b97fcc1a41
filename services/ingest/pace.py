"""Candles at the pace of their market, or a multiple of it."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Final

from services.ingest.feed import Arrival

_LONGEST_NAP_SECONDS: Final = 0.2
_CLOSED_MARKET_SECONDS: Final = 36 * 3600


def paced(
    arrivals: Iterable[Arrival], speed: float, monotonic: Callable[[], float], nap: Callable[[float], bool]
) -> Iterator[list[Arrival]]:
    """Yield the candles of each decision time when their time has come; the market's closed hours are skipped.

    `speed` is market seconds to a second, 0 for no waiting at all. `nap` waits for at most so many seconds and returns
    False when there is to be no more waiting.
    """
    due, before = monotonic(), 0
    for moment, together in groupby(arrivals, key=lambda arrival: arrival.order[0]):
        if speed and 0 < moment - before < _CLOSED_MARKET_SECONDS:
            due += (moment - before) / speed
        before = moment
        while (wait := due - monotonic()) > 0:
            if not nap(min(wait, _LONGEST_NAP_SECONDS)):
                return
        yield list(together)
