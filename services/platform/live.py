"""Live runs: OANDA's candles, prices and the week's news, traded on paper. Nothing here can open a position."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from services.executor.build import Outside
from services.executor.commands.opened import opened_closes
from services.executor.metrics import tell_outside
from services.executor.quotes import live_conditions
from services.ingest.live.follow import follow
from services.ingest.live.opened import fed, opened_live
from services.platform.platform import Platform
from services.platform.trading import Audience, Run
from services.strategy.news import NewsDesk
from shared.contracts.facts import ACCOUNT_FACTS
from shared.contracts.runs import RunMode
from shared.runtime.quotes.board import QuoteBoard


def run_paper_live(run: Run, pairs: Sequence[str], news_cache: Path | None, audience: Audience) -> None:
    """Trade live candles and prices on paper in a run that was begun, all in this process, until it is to stop.

    Raises InputError where OANDA refuses us for good.
    """
    process, (store, fence), settings = run
    board = QuoteBoard(process.monotonic)
    with ExitStack() as stack:
        closes = stack.enter_context(opened_closes(process, settings, store, fence))
        outside = Outside(
            holder=process.instance,
            clock=process.clock,
            board=board,
            given=partial(live_conditions, board, settings.live, process.clock),
            closes=closes,
            fence=fence,
            tell=partial(tell_outside, process),
            tell_hold=partial(audience.tell_hold, process),
        )
        platform = Platform(
            store,
            settings,
            RunMode.LIVE,
            None,
            outside,
            current_news=NewsDesk(monotonic=process.monotonic),
            listeners=dict.fromkeys(ACCOUNT_FACTS, audience.tell),
        )
        process.health.has("start")
        audience.note("trading live candles on paper, nothing is opened at the broker; stop with Ctrl-C")
        live = stack.enter_context(opened_live(process, settings, pairs))
        prices = stack.enter_context(fed(process, store, settings, live, board.put, news_cache))

        def idle() -> None:
            prices.check()
            process.retry_until_available("store", platform.attend)
            process.retry_until_available("store", platform.obey)
            audience.watch(board)

        follow(
            process=process,
            store=store,
            feed=platform.feed,
            source=live.source,
            instruments=live.instruments,
            settings=settings.live,
            on_idle=idle,
        )
