"""The database of a verb that trades, for itself alone."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex
from socket import gethostname

from services.platform.sole_trader import Trader, sole_trader


@contextmanager
def trading(url: str, verb: str) -> Iterator[Trader]:
    """Open a database, made where there is none, for the one process that trades in it.

    Raises InputError while another one does.
    """
    # A process started anew must not be taken for the one before it, which may only be paused.
    with sole_trader(url, f"{verb}-{gethostname()}-{os.getpid()}/{token_hex(8)}") as trader:
        yield trader
