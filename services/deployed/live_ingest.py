"""Ingest as a process that follows OANDA."""

from collections.abc import Sequence
from functools import partial

from services.deployed.ingest import DRAIN_SECONDS
from services.deployed.links import relay_of
from services.executor.quotes import QuoteBoard
from services.ingest.calendar_cache import cache_beside
from services.ingest.feed import SERVICE as INGEST
from services.ingest.feed import CandleFeed
from services.ingest.live_feed import follow
from services.live import fed, opened_live
from services.quote_links import sent_quotes
from shared.runtime.outgoing import OutboxOutgoing
from shared.runtime.process import Surroundings
from shared.runtime.settings import Settings
from shared.runtime.streams import agree_on_partitions
from shared.store.sql_store import open_store


def run_ingest_live(
    around: Surroundings, settings: Settings, pairs: Sequence[str], store_url: str, broker_url: str
) -> None:
    """Bring OANDA's candles, prices and the week's news into the platform until the process is to stop."""
    store = around.patiently("store", partial(open_store, store_url))
    if store is None:
        return
    partitions = settings.deployment.partitions
    around.patiently("store", partial(agree_on_partitions, store, partitions, int(around.clock())))
    relay = relay_of(around, store, INGEST, broker_url, partitions)
    relay.start()
    around.health.has("start")
    feed = CandleFeed(store, OutboxOutgoing(relay.wake), partitions, around.crash)
    board = QuoteBoard()
    with (
        opened_live(around, settings, pairs) as live,
        fed(around, store, settings, live, board.put, cache_beside(store_url)) as prices,
        sent_quotes(around, broker_url, board),
    ):

        def idle() -> None:
            relay.check()
            prices.check()

        follow(around, store, feed, live.source, pairs, settings.live, idle)
    relay.stop(DRAIN_SECONDS)
    store.close()
