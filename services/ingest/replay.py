"""Bring past candles into the platform at a chosen speed."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from services.ingest.feed import Arrival, CandleFeed, in_batches
from services.ingest.metrics import IngestMetrics
from services.ingest.pace import paced
from shared.runtime.process import Process
from shared.store.port import Store

_BATCH: Final = 500
_MOST_UNSENT: Final = 5_000
_LONGEST_NAP_SECONDS: Final = 0.2


def replay(process: Process, store: Store, feed: CandleFeed, arrivals: Sequence[Arrival], speed: float) -> int:
    """Feed candles in order and return how many; `speed` is market seconds to a second, 0 as fast as possible.

    Ends early when the process is to stop. Never runs further ahead of the broker than a few thousand messages.
    """
    done = 0
    # At full speed candles share commits; at a pace each decision time has its own.
    by_time = paced(arrivals, speed, process.monotonic, _nap(process)) if speed else None
    batches: Iterable[Sequence[Arrival]] = by_time or in_batches(arrivals, _BATCH)
    for batch in batches:
        if process.stopped():
            break
        # Told to stop while the store is away, there is no count.
        while (
            not process.stopped()
            and (process.retry_until_available("store", partial(_unsent, store)) or 0) > _MOST_UNSENT
        ):
            process.health.progress()
            process.sleep(_LONGEST_NAP_SECONDS)
        count = process.retry_until_available("store", partial(feed.add, batch))
        process.health.progress()
        if count:
            process.metrics.of(IngestMetrics).candles.inc(count)
            done += count
    return done


def _nap(process: Process) -> Callable[[float], bool]:
    """Return a nap that shows progress and ends all waiting when the process is to stop."""

    def nap(seconds: float) -> bool:
        process.health.progress()
        process.sleep(seconds)
        return not process.stopped()

    return nap


def _unsent(store: Store) -> int:
    with store.reading() as reader:
        return reader.outbox_count()
