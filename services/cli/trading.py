"""The database of a verb that trades, for itself alone, and what is said before it trades."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from secrets import token_hex
from socket import gethostname

from services.cli.terminal.output import note
from services.cli.terminal.progress import growing
from services.executor.commands.holds import hold_sentence
from services.platform.sole_trader import Trader, sole_trader
from shared.settings.rates import rate_notes
from shared.settings.settings import Settings
from shared.store.port import Store
from shared.store.traded_here import pointing_at


@contextmanager
def trading(url: str, verb: str) -> Iterator[Trader]:
    """Open a database, made where there is none, for the one process that trades in it.

    Raises InputError while another one does.
    """
    # A process started anew must not be taken for the one before it, which may only be paused.
    holder = f"{verb}-{gethostname()}-{os.getpid()}/{token_hex(8)}"
    upgrading = partial(growing, "rewriting rows")
    with sole_trader(url, holder, upgrading) as trader, pointing_at(url, Path.cwd(), os.getpid()):
        yield trader


def note_missing_rates(store: Store, settings: Settings, pairs: Sequence[str]) -> None:
    """Say before trading which pairs, of those given and those of the database, lack a rate to convert their profit."""
    with store.reading() as reader:
        stored = [each.pair for each in reader.newest_candles()]
    for sentence in rate_notes(settings, [*pairs, *stored]):
        note(sentence)


def note_holds(store: Store) -> None:
    """Say before trading what entries are held by."""
    with store.reading() as reader:
        for hold in reader.holds():
            note(hold_sentence(hold, True))
