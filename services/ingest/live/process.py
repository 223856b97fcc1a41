"""Ingest as a process that follows OANDA."""

from collections.abc import Sequence

from services.ingest.live.follow import follow
from services.ingest.live.opened import fed, opened_live
from services.ingest.news.cache import cache_beside
from services.ingest.process import ingesting
from shared.runtime.process import Process
from shared.runtime.quotes.board import QuoteBoard
from shared.runtime.quotes.links import sent_quotes
from shared.settings.settings import Settings


def run_ingest_live(
    process: Process, settings: Settings, pairs: Sequence[str], store_url: str, broker_url: str
) -> None:
    """Bring OANDA's candles, prices and the week's news into the platform until the process is to stop."""
    with ingesting(process, settings.deployment.partitions, store_url, broker_url) as opened:
        if opened is None:
            return
        store, feed, relay = opened
        board = QuoteBoard()
        with (
            opened_live(process, settings, pairs) as live,
            fed(process, store, settings, live, board.put, cache_beside(store_url)) as prices,
            sent_quotes(process, broker_url, board),
        ):

            def idle() -> None:
                relay.check()
                prices.check()

            follow(
                process=process,
                store=store,
                feed=feed,
                source=live.source,
                pairs=pairs,
                settings=settings.live,
                on_idle=idle,
            )
