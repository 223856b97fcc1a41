"""What is shown of a live run until it is stopped: a table on a terminal, else a line for each event."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from rich.live import Live

from services.cli.paper.live_table import LiveTable
from services.cli.telling import tell_events
from shared.bus.in_process import Handler
from shared.runtime.process import Process
from shared.runtime.quotes.board import QuoteBoard
from shared.store.port import Store

_REDRAWN_SECONDS: Final = 1.0


@contextmanager
def shown(
    store: Store, pairs: Sequence[str], as_json: bool
) -> Iterator[tuple[Callable[[Process, QuoteBoard], None], Handler]]:
    """Return what shows a run's newest prices and what tells its events: a table on a terminal, else lines."""
    if as_json or not sys.stdout.isatty():
        yield (lambda _process, _board: None), partial(tell_events, as_json=as_json)
        return
    table = LiveTable(store, pairs)
    drawn_at = [0.0]
    # Log lines that are written meanwhile appear above the table.
    with Live(auto_refresh=False, redirect_stderr=True) as screen:

        def watch(process: Process, board: QuoteBoard) -> None:
            if time.monotonic() - drawn_at[0] >= _REDRAWN_SECONDS:
                drawn_at[0] = time.monotonic()
                screen.update(table.drawn(board, process.health.missing()), refresh=True)

        yield watch, table.tell
