"""The database of a verb: the one given, else that of the settings."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from services.cli.configuration import read_settings
from services.cli.options import AtDatabase
from services.cli.terminal.output import note
from shared.contracts.errors import InputError
from shared.settings.addresses import STORE_SCHEMES, server_address
from shared.settings.settings import Settings
from shared.store.engine import sqlite_url
from shared.store.port import Reader
from shared.store.sql_store import open_store
from shared.store.traded_here import traded_from


def database_url(given: str | None, settings: Settings) -> str:
    """Return the URL of the database in force: the one given, else that of the settings."""
    if given is None:
        return settings.runtime.store_url()
    if "://" not in given:
        return sqlite_url(Path(given))
    url = server_address("--db", given, (*STORE_SCHEMES, "postgres"))
    if urlsplit(url).password:
        note(
            "the password in --db can be seen by everybody on this machine for as long as the verb runs; "
            "write the address to a file and name it in DATABASE_URL_FILE"
        )
    return url


def url_read(where: AtDatabase) -> str:
    """Return the URL of the database that a verb looks into: the one named, else the one that is traded in from here.

    Raises InputError where none is named and several are traded in from this folder.
    """
    settings = read_settings(where.config)
    here = [] if where.database is not None or settings.runtime.names_store() else traded_from(Path.cwd())
    if len(here) > 1:
        raise InputError(f"platforms trade in {' and '.join(map(shown_here, here))}: choose one with --db")
    return sqlite_url(here[0]) if here else database_url(where.database, settings)


def shown_here(path: Path) -> str:
    """Return a path as somebody in this folder would write it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


@contextmanager
def reading_at(url: str) -> Iterator[Reader]:
    """Open an existing database for reading; raise InputError when it is missing or of another schema."""
    with closing(open_store(url, only_to_read=True)) as store, store.reading() as reader:
        yield reader


def reading(where: AtDatabase) -> AbstractContextManager[Reader]:
    """Open the database that a verb looks into for reading; raises InputError as `url_read` and `reading_at` do."""
    return reading_at(url_read(where))
