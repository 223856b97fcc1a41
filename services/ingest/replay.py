"""Bring past candles into the platform at a chosen speed."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from services.ingest.feed import Arrival, CandleFeed, in_batches
from services.ingest.metrics import IngestMetrics
from services.ingest.pace import paced
from shared.runtime.process import Surroundings
from shared.store.port import Store

_BATCH: Final = 500
_MOST_UNSENT: Final = 5_000
_LONGEST_NAP_SECONDS: Final = 0.2


def replay(around: Surroundings, store: Store, feed: CandleFeed, arrivals: Sequence[Arrival], speed: float) -> int:
    """Feed candles in order and return how many; `speed` is market seconds to a second, 0 as fast as possible.

    Ends early when the process is to stop. Never runs further ahead of the broker than a few thousand messages.
    """
    done = 0
    # At full speed candles share commits; at a pace each decision time has its own.
    by_time = paced(arrivals, speed, around.monotonic, _nap(around)) if speed else None
    batches: Iterable[Sequence[Arrival]] = by_time or in_batches(arrivals, _BATCH)
    for batch in batches:
        if around.stopped():
            break
        # Told to stop while the store is away, there is no count.
        while not around.stopped() and (around.patiently("store", partial(_unsent, store)) or 0) > _MOST_UNSENT:
            around.health.progress()
            around.sleep(_LONGEST_NAP_SECONDS)
        count = around.patiently("store", partial(feed.add, batch))
        around.health.progress()
        if count:
            around.metrics.of(IngestMetrics).candles.inc(count)
            done += count
    return done


def _nap(around: Surroundings) -> Callable[[float], bool]:
    """Return a nap that shows progress and ends all waiting when the process is to stop."""

    def nap(seconds: float) -> bool:
        around.health.progress()
        around.sleep(seconds)
        return not around.stopped()

    return nap


def _unsent(store: Store) -> int:
    with store.reading() as reader:
        return reader.outbox_count()
