"""Ingest as a process that follows OANDA."""

from collections.abc import Sequence
from pathlib import Path

from services.ingest.live.follow import follow
from services.ingest.live.opened import fed, opened_live
from services.ingest.news.cache import cache_beside
from services.ingest.process import Ingesting, ingesting
from shared.runtime.leading import lead
from shared.runtime.process import Process
from shared.runtime.quotes.board import QuoteBoard
from shared.runtime.quotes.links import sent_quotes
from shared.settings.settings import Settings


def run_ingest_live(
    process: Process, settings: Settings, pairs: Sequence[str], store_url: str, broker_url: str
) -> None:
    """Bring OANDA's candles, prices and the week's news into the platform until the process is to stop.

    While another ingest leads, this one waits and asks OANDA for nothing.
    """
    with ingesting(process, settings.deployment.partitions, store_url, broker_url) as opened:
        if opened is None:
            return

        def work() -> None:
            with sent_quotes(process, broker_url, board := QuoteBoard(process.monotonic)):
                _follow(process, settings, pairs, opened, board, cache_beside(store_url))

        lead(process, opened.lease, work)


def _follow(
    process: Process,
    settings: Settings,
    pairs: Sequence[str],
    opened: Ingesting,
    board: QuoteBoard,
    news_cache: Path | None,
) -> None:
    with (
        opened_live(process, settings, pairs) as live,
        fed(process, opened.store, settings, live, board.put, news_cache) as prices,
    ):

        def idle() -> None:
            opened.attend()
            prices.check()

        follow(
            process=process,
            store=opened.store,
            feed=opened.feed,
            source=live.source,
            instruments=live.instruments,
            settings=settings.live,
            on_idle=idle,
        )
