"""`scalpbot watch`: a verb's output on the whole terminal, drawn anew every few seconds."""

import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Final, NamedTuple

from rich.console import Console
from rich.live import Live
from rich.text import Text

from services.cli.ledger.job import Rows, gates, positions, status, trades
from services.cli.options import AtDatabase, Between
from services.cli.process import Stop
from shared.contracts.errors import InfrastructureError, InputError

_LOOK_SECONDS: Final = 0.1
_CLOCK: Final = "%H:%M:%S"


class Asked(NamedTuple):
    """What is watched, and how often."""

    every: float
    pair: str | None
    limit: int


class _Page(StringIO):
    """Takes up what is written for a terminal."""

    def isatty(self) -> bool:
        """Say that it is one, so that what is written has a terminal's width and colours."""
        return True


def watch(what: str, where: AtDatabase, asked: Asked) -> None:
    """Draw until Ctrl-C; raise InputError where there is no terminal, or for what could not be shown even once."""
    if not sys.stdout.isatty():
        raise InputError(f"there is no terminal to draw on: use `scalpbot {what} --json` in programs")
    rows = Rows(asked.pair, asked.limit, Between())
    shows: dict[str, Callable[[], None]] = {
        "status": lambda: status(where, False),
        "trades": lambda: trades(where, rows, False),
        "positions": lambda: positions(where, asked.pair, False),
        "gates": lambda: gates(where, rows, False),
    }
    first = _drawn(shows[what])
    with Stop() as stop, Live(first, console=Console(), screen=True, auto_refresh=False) as live:
        next_look = time.monotonic()
        while not stop.asked:
            if time.monotonic() >= next_look:
                live.update(_again(shows[what]), refresh=True)
                next_look = time.monotonic() + asked.every
            time.sleep(_LOOK_SECONDS)


def _again(show: Callable[[], None]) -> Text:
    try:
        return _drawn(show)
    except InfrastructureError as fault:
        return Text(f"{fault}; looking again", style="red")


def _drawn(show: Callable[[], None]) -> Text:
    with redirect_stdout(_Page()) as page, redirect_stderr(page):
        show()
    text = Text.from_ansi(page.getvalue())
    text.append(f"\n{time.strftime(_CLOCK)}  Ctrl-C ends", style="dim")
    return text
