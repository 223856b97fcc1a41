"""Live paper trading on a terminal: the run, and what is shown of it until it is stopped."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from services.cli.output import note
from services.cli.stopping import Stop
from services.cli.telling import tell_events

if TYPE_CHECKING:
    from services.platform.sole_trader import Trader
    from shared.bus.port import Handler
    from shared.runtime.process import Surroundings
    from shared.runtime.quotes.board import QuoteBoard
    from shared.settings.settings import Settings
    from shared.store.port import Store

_REDRAWN_SECONDS = 1.0


def live_pairs(text: str | None) -> list[str]:
    """Return the pairs of `--pairs`; raise InputError without any."""
    from shared.contracts.errors import InputError
    from shared.contracts.pairs import parse_pair

    names = sorted({parse_pair(name.strip()).name for name in (text or "").split(",") if name.strip()})
    if not names:
        raise InputError("--mode LIVE needs the pairs to trade: give --pairs EUR_USD,GBP_USD")
    return names


def trade_live(
    trader: "Trader",
    settings: "Settings",
    pairs: Sequence[str],
    url: str,
    as_json: bool,
    outside: "Callable[[str, Callable[[], bool]], Surroundings] | None" = None,
) -> None:
    """Trade live candles on paper until asked to stop; a table on a terminal, else an event to a line."""
    from services.cli.process import own_process
    from services.ingest.news.cache import cache_beside
    from services.platform.live import run_paper_live
    from shared.anchors.anchoring import anchored
    from shared.contracts.facts import ACCOUNT_FACTS

    with Stop() as stop, shown(trader.store, pairs, as_json) as (watch, tell):
        around = (outside or own_process)("paper", lambda: stop.asked)
        note("trading live candles on paper, nothing is opened at the broker; stop with Ctrl-C")
        with anchored(around, trader.store, settings.runtime, url):
            run_paper_live(
                around,
                trader.store,
                settings,
                pairs,
                cache_beside(url),
                partial(watch, around),
                dict.fromkeys(ACCOUNT_FACTS, tell),
                trader.fence,
            )


@contextmanager
def shown(
    store: "Store", pairs: Sequence[str], as_json: bool
) -> "Iterator[tuple[Callable[[Surroundings, QuoteBoard], None], Handler]]":
    """Return what shows a run's newest prices and what tells its events: a table on a terminal, else lines."""
    if as_json or not sys.stdout.isatty():
        yield (lambda _around, _board: None), partial(tell_events, as_json=as_json)
        return
    from rich.live import Live

    from services.cli.paper.live_table import LiveTable

    table = LiveTable(store, pairs)
    drawn_at = [0.0]
    # Log lines that are written meanwhile appear above the table.
    with Live(auto_refresh=False, redirect_stderr=True) as screen:

        def watch(around: "Surroundings", board: "QuoteBoard") -> None:
            if time.monotonic() - drawn_at[0] >= _REDRAWN_SECONDS:
                drawn_at[0] = time.monotonic()
                screen.update(table.drawn(board, around.clock(), around.health.missing()), refresh=True)

        yield watch, table.tell
