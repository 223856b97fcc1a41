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
from shared.runtime.process import Surroundings
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
def ingesting(around: Surroundings, partitions: int, store_url: str, broker_url: str) -> "Iterator[Ingesting | None]":
    """Open what candles go through; None where the process is to stop before the store is there."""
    store = around.patiently("store", partial(open_store, store_url))
    if store is None:
        yield None
        return
    around.patiently("store", partial(agree_on_partitions, store, partitions, int(around.clock())))
    around.metrics.show(IngestMetrics)
    relay = relay_of(around, store, INGEST, broker_url, partitions)
    relay.start()
    around.health.has("start")
    yield Ingesting(store, CandleFeed(store, OutboxOutgoing(relay.wake), partitions, around.crash), relay)
    relay.stop(_DRAIN_SECONDS)
    store.close()


def run_ingest(
    around: Surroundings,
    series: Sequence[CandleSeries],
    partitions: int,
    speed: float,
    once: bool,
    store_url: str,
    broker_url: str,
) -> None:
    """Bring the candles of some series into the platform, then stay until the process is to stop, unless only once."""
    with ingesting(around, partitions, store_url, broker_url) as opened:
        if opened is None:
            return
        store, feed, relay = opened
        arrivals = around.patiently("store", partial(_unstored, store, series)) or []
        around.log.info("replay begins", candles=len(arrivals), speed=speed)
        done = replay(around, store, feed, arrivals, speed)
        around.log.info("replay ends", candles=done)
        while not around.stopped() and not once:
            around.health.progress()
            relay.check()
            around.sleep(_IDLE_SECONDS)


def _unstored(store: Store, series: Sequence[CandleSeries]) -> list[Arrival]:
    with store.reading() as reader:
        return unstored(reader, series)
