"""Bring past candles into the platform at a chosen speed."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, NamedTuple

from services.ingest.feed import SERVICE, Arrival, CandleFeed, in_batches
from services.ingest.metrics import IngestMetrics, ReplayMetrics
from services.ingest.pace import paced
from shared.runtime.process import Process
from shared.runtime.streams import candles_not_traded
from shared.store.port import Store

_BATCH: Final = 500
_MOST_UNSENT: Final = 5_000
_MOST_NOT_TRADED: Final = 10_000
_LONGEST_NAP_SECONDS: Final = 0.2


def _nothing() -> None:
    """Look after nothing."""


def replay(
    process: Process,
    store: Store,
    feed: CandleFeed,
    arrivals: Sequence[Arrival],
    speed: float,
    attend: Callable[[], None] = _nothing,
) -> int:
    """Feed candles in order and return how many; `speed` is market seconds to a second, 0 as fast as possible.

    Ends early when the process is to stop. Never runs further ahead than some thousand candles of those who trade them,
    nor of the broker; while it waits for them, `attend` is called several times a second.
    """
    done = 0
    # At full speed candles share commits; at a pace each decision time has its own.
    by_time = paced(arrivals, speed, process.monotonic, _nap(process)) if speed else None
    batches: Iterable[Sequence[Arrival]] = by_time or in_batches(arrivals, _BATCH)
    for batch in batches:
        if process.stopped():
            break
        _wait_for_consumers(process, store, attend)
        if process.stopped():
            break
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


class _Lead(NamedTuple):
    """How many candles are stored that are not traded, and how many of their messages are not sent."""

    not_traded: int
    unsent: int

    @property
    def is_too_long(self) -> bool:
        """Return whether more candles would only lie about, in the broker's memory or in the outbox."""
        return self.not_traded > _MOST_NOT_TRADED or self.unsent > _MOST_UNSENT


def _wait_for_consumers(process: Process, store: Store, attend: Callable[[], None]) -> None:
    """Wait until those who take the candles are near, and say so where that takes a while."""
    told = False
    while not process.stopped():
        # Told to stop while the store is away, there is no count.
        lead = process.retry_until_available("store", partial(_lead, store))
        if lead is None:
            return
        process.metrics.of(ReplayMetrics).not_traded.set(lead.not_traded)
        if not lead.is_too_long:
            break
        if not told:
            process.log.info("waiting for those who trade the candles", not_traded=lead.not_traded, unsent=lead.unsent)
            told = True
        process.health.progress()
        attend()
        process.sleep(_LONGEST_NAP_SECONDS)


def _lead(store: Store) -> _Lead:
    with store.reading() as reader:
        return _Lead(candles_not_traded(reader), reader.outbox_count(SERVICE))
