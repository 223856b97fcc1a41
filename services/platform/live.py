"""Live runs: OANDA's candles, prices and the week's news, traded on paper. Nothing here can open a position."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from services.executor.commands.desk import tell_outside
from services.executor.commands.opened import opened_closes
from services.executor.quotes import LiveConditions
from services.ingest.live.follow import follow
from services.ingest.live.opened import fed, opened_live
from services.platform.platform import Platform
from services.strategy.news import NewsDesk
from shared.bus.port import Handler
from shared.contracts.runs import RunMode
from shared.runtime.consumer import no_fence
from shared.runtime.process import Surroundings
from shared.runtime.quotes.board import QuoteBoard
from shared.runtime.remembered import remember_run
from shared.runtime.streams import agree_on_partitions
from shared.settings.settings import Settings
from shared.store.port import Store, Transaction


def run_paper_live(
    around: Surroundings,
    store: Store,
    settings: Settings,
    pairs: Sequence[str],
    news_cache: Path | None,
    watch: Callable[[QuoteBoard], None],
    listeners: Mapping[str, Handler] = MappingProxyType({}),
    fence: Callable[[Transaction], None] = no_fence,
) -> None:
    """Trade live candles and prices on paper, all in this process, until it is to stop.

    `watch` is called several times a second with the newest prices; `listeners` are handed facts by their type; `fence`
    raises where this process may not write to the ledger (any more).
    Raises InputError where OANDA refuses us for good.
    """
    remember_run(store, settings, None, int(around.clock()), RunMode.LIVE)
    agree_on_partitions(store, settings.deployment.partitions, int(around.clock()))
    board = QuoteBoard()
    platform = Platform(
        store,
        settings,
        RunMode.LIVE,
        None,
        listeners=listeners,
        given=LiveConditions(board, settings.live, around.clock),
        current_news=NewsDesk(monotonic=around.monotonic),
        fence=fence,
    )
    around.health.has("start")
    with (
        opened_live(around, settings, pairs) as live,
        opened_closes(around, settings, store) as closes,
        fed(around, store, settings, live, board.put, news_cache) as prices,
    ):
        obey = platform.obeying(around.instance, around.clock, board, closes, partial(tell_outside, around))

        def idle() -> None:
            prices.check()
            around.patiently("store", partial(platform.attend, board))
            around.patiently("store", obey)
            watch(board)

        follow(around, store, platform.feed, live.source, pairs, settings.live, idle)
