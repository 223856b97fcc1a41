"""Opening the database of a verb, and times and pairs as people type them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from socket import gethostname
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from services.platform.sole_trader import Trader
    from shared.settings.settings import Settings
    from shared.store.port import Reader

Database: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="FILE|URL",
        help="Database: a SQLite file or a URL. Default: DATABASE_URL, else SCALP_BOT_DB_PATH, else "
        "data/paper_trading.db.",
    ),
]
Limit: TypeAlias = Annotated[int, typer.Option("--limit", min=1, help="Show at most so many rows, newest first.")]
OfPair: TypeAlias = Annotated[str | None, typer.Option("--pair", metavar="PAIR", help="Show one pair only.")]


def database_url(given: str | None, settings: "Settings") -> str:
    """Return the URL of the database in force: the one given, else that of the settings."""
    from shared.store.engine import sqlite_url

    if given is None:
        return settings.runtime.store_url()
    return given if "://" in given else sqlite_url(Path(given))


@contextmanager
def trading(url: str, verb: str) -> "Iterator[Trader]":
    """Open a database, made where there is none, for the one process that trades in it.

    Raises InputError while another one does.
    """
    from services.platform.sole_trader import sole_trader

    # A process started anew must not be taken for the one before it, which may only be paused.
    with sole_trader(url, f"{verb}-{gethostname()}-{os.getpid()}/{token_hex(8)}") as trader:
        yield trader


@contextmanager
def reading(given: str | None, config: Path | None) -> "Iterator[Reader]":
    """Open an existing database for reading; raise InputError when it is missing or of another schema."""
    from services.cli.inputs import read_settings
    from shared.store.sql_store import open_store

    store = open_store(database_url(given, read_settings(config)))
    try:
        with store.reading() as reader:
            yield reader
    finally:
        store.close()


def known_pair(text: str | None) -> str | None:
    """Return a pair's name; raise InputError when it is not one."""
    from shared.contracts.pairs import parse_pair

    return None if text is None else parse_pair(text).name


def parse_moment(text: str) -> int:
    """Return a time in seconds; raise InputError when the text is not an ISO time with a zone."""
    from shared.contracts.errors import InputError

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(f"the time {text!r} cannot be read; write it like 2014-05-08T11:45:00Z")
    return int(moment.timestamp())
