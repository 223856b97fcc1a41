"""Ingest as a process that replays candles."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from services.ingest.feed import SERVICE as INGEST
from services.ingest.feed import Arrival, CandleFeed, unstored
from services.ingest.metrics import IngestMetrics, ReplayMetrics
from services.ingest.replay import replay
from shared.core.columns import CandleSeries
from shared.runtime.leading import attended, lead, lease_of, require_lead
from shared.runtime.lease import HeldLease
from shared.runtime.links import relay_of
from shared.runtime.outgoing import OutboxOutgoing
from shared.runtime.process import Process
from shared.runtime.relay import Errand, Relay
from shared.runtime.streams import agree_on_partitions
from shared.store.port import Store
from shared.store.sql_store import open_store

_DRAIN_SECONDS = 5.0
_IDLE_SECONDS = 0.2


class Ingesting(NamedTuple):
    """The store, a feed of candles into it, the relay that sends its facts, and the lease to be led by."""

    store: Store
    feed: CandleFeed
    relay: Relay
    lease: HeldLease

    def attend(self) -> None:
        """Raise what ended the relay, and LeaseLostError where another ingest leads now."""
        self.relay.check()
        require_lead(self.lease)


@contextmanager
def ingesting(process: Process, partitions: int, store_url: str, broker_url: str) -> "Iterator[Ingesting | None]":
    """Open what candles go through, led or not yet; None where the process is to stop before the store is there."""
    store = process.retry_until_available("store", partial(open_store, store_url))
    if store is None:
        yield None
        return
    process.retry_until_available("store", partial(agree_on_partitions, store, partitions, int(process.clock())))
    process.metrics.show(IngestMetrics)
    lease = lease_of(process, store, INGEST)
    relay = relay_of(process, store, Errand(INGEST, is_ours=lease.holds), broker_url, partitions)
    feed = CandleFeed(store, OutboxOutgoing(relay.wake), partitions, process.crash, lease.fence)
    with attended(process, store, lease):
        relay.start()
        process.health.has("start")
        yield Ingesting(store=store, feed=feed, relay=relay, lease=lease)
        relay.stop(_DRAIN_SECONDS)
    store.close()


def run_ingest(
    process: Process,
    series: Sequence[CandleSeries],
    partitions: int,
    speed: float,
    once: bool,
    store_url: str,
    broker_url: str,
) -> None:
    """Bring the candles of some series into the platform, then stay until the process is to stop, unless only once.

    While another ingest leads, this one waits, and looks only then for what is left to do.
    """
    with ingesting(process, partitions, store_url, broker_url) as opened:
        if opened is None:
            return

        process.metrics.show(ReplayMetrics)

        def work() -> None:
            store = opened.store
            arrivals = process.retry_until_available("store", partial(_unstored, store, series)) or []
            process.log.info("replay begins", candles=len(arrivals), speed=speed)
            done = replay(process, store, opened.feed, arrivals, speed, opened.attend)
            process.log.info("replay ends", candles=done)
            while not process.stopped() and not once:
                process.health.progress()
                opened.attend()
                process.sleep(_IDLE_SECONDS)

        lead(process, opened.lease, work)


def _unstored(store: Store, series: Sequence[CandleSeries]) -> list[Arrival]:
    with store.reading() as reader:
        return unstored(reader, series)
