"""Ingest as a process that follows OANDA."""

from collections.abc import Sequence

from services.deployed.ingest import ingesting
from services.executor.quotes import QuoteBoard
from services.ingest.calendar_cache import cache_beside
from services.ingest.live_feed import follow
from services.live import fed, opened_live
from services.quote_links import sent_quotes
from shared.runtime.process import Surroundings
from shared.runtime.settings import Settings


def run_ingest_live(
    around: Surroundings, settings: Settings, pairs: Sequence[str], store_url: str, broker_url: str
) -> None:
    """Bring OANDA's candles, prices and the week's news into the platform until the process is to stop."""
    with ingesting(around, settings.deployment.partitions, store_url, broker_url) as opened:
        if opened is None:
            return
        store, feed, relay = opened
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
