"""Ingest as a process that replays candles."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from services.ingest.feed import SERVICE as INGEST
from services.ingest.feed import Arrival, CandleFeed, unstored
from services.ingest.metrics import IngestMetrics
from services.ingest.replay import replay
from shared.core.columns import CandleSeries
from shared.runtime.links import relay_of
from shared.runtime.outgoing import OutboxOutgoing
from shared.runtime.process import Process
from shared.runtime.relay import Relay
from shared.runtime.streams import agree_on_partitions
from shared.store.port import Store
from shared.store.sql_store import open_store

_DRAIN_SECONDS = 5.0
_IDLE_SECONDS = 0.2


class Ingesting(NamedTuple):
    """The store, a feed of candles into it, and the relay that sends its facts."""

    store: Store
    feed: CandleFeed
    relay: Relay


@contextmanager
def ingesting(process: Process, partitions: int, store_url: str, broker_url: str) -> "Iterator[Ingesting | None]":
    """Open what candles go through; None where the process is to stop before the store is there."""
    store = process.retry_until_available("store", partial(open_store, store_url))
    if store is None:
        yield None
        return
    process.retry_until_available("store", partial(agree_on_partitions, store, partitions, int(process.clock())))
    process.metrics.show(IngestMetrics)
    relay = relay_of(process, store, INGEST, broker_url, partitions)
    relay.start()
    process.health.has("start")
    yield Ingesting(store, CandleFeed(store, OutboxOutgoing(relay.wake), partitions, process.crash), relay)
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
    """Bring the candles of some series into the platform, then stay until the process is to stop, unless only once."""
    with ingesting(process, partitions, store_url, broker_url) as opened:
        if opened is None:
            return
        store, feed, relay = opened
        arrivals = process.retry_until_available("store", partial(_unstored, store, series)) or []
        process.log.info("replay begins", candles=len(arrivals), speed=speed)
        done = replay(process, store, feed, arrivals, speed)
        process.log.info("replay ends", candles=done)
        while not process.stopped() and not once:
            process.health.progress()
            relay.check()
            process.sleep(_IDLE_SECONDS)


def _unstored(store: Store, series: Sequence[CandleSeries]) -> list[Arrival]:
    with store.reading() as reader:
        return unstored(reader, series)
