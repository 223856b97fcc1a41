"""Connections to the database: where it is, durable SQLite settings, and explicit transactions."""

import os
import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from shared.contracts.errors import InputError, unwritable
from shared.store.faults import opening_fault, place
from shared.store.postgresql import STATEMENT_TIMEOUT_SECONDS, open_postgresql

BUSY_TIMEOUT_SECONDS: Final = 5.0
# Hashes of passwords, addresses and trades are nothing for other users of the machine.
PRIVATE_MODE: Final = 0o600
_SQLITE_HEADER: Final = b"SQLite format 3\x00"
_BEGIN_OPTION: Final = "begin_statement"


def sqlite_url(path: Path) -> str:
    """Return the database URL of an SQLite file."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def shown_place(url: str) -> str:
    """Return where a database is, as it may be shown: a file's path, or a URL without its password."""
    return place(make_url(url))


def database_url(text: str) -> URL:
    """Return the URL to connect with; raises InputError for anything but an SQLite file or a PostgreSQL database."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise InputError("The database URL cannot be read: write sqlite:///FILE or postgresql://HOST/NAME.") from None
    match url.get_backend_name():
        case "sqlite" if url.database and url.database != ":memory:":
            return url
        case "postgresql" | "postgres" if url.database:
            return url.set(drivername="postgresql+psycopg")
        case name:
            raise InputError(
                f"A database of kind {name} cannot be used: write sqlite:///FILE or postgresql://HOST/NAME."
            )


def open_engine(
    url: URL,
    busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
    statement_timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS,
) -> Engine:
    """Return an engine whose transactions begin only where they are begun.

    The first timeout is SQLite's for its lock, the second PostgreSQL's for one statement, 0 for none.
    """
    if url.get_backend_name() != "sqlite":
        return open_postgresql(url, statement_timeout_seconds)
    engine = create_engine(url, connect_args={"timeout": busy_timeout_seconds})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # The driver would begin a transaction at the first write only; `begin` below does it instead.
        connection.isolation_level = None
        # SQLite keeps whatever bytes plain SQL calls text; a row of them must not keep all others from being read.
        connection.text_factory = _readable
        for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-32000"):
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get(_BEGIN_OPTION, "BEGIN")
        connection.exec_driver_sql(statement)

    return engine


def _readable(stored: bytes) -> str:
    return stored.decode("utf-8", "replace")


def writing(engine: Engine) -> Engine:
    """Return the same engine for transactions that write: on SQLite they take the write lock at once."""
    # A transaction that begins as a reader and writes later can be refused without waiting, however long the timeout.
    return engine.execution_options(**{_BEGIN_OPTION: "BEGIN IMMEDIATE"})


def viewing(engine: Engine) -> Engine:
    """Return the same engine for transactions that read one consistent view; on SQLite every transaction does."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def file_exists(url: URL) -> bool:
    """Tell whether the file of an SQLite database is there."""
    return Path(str(url.database)).exists()


def beside(url: str, ending: str) -> Path | None:
    """Return the file of another ending beside an SQLite file; None for a server's database, which has no folder."""
    parsed = database_url(url)
    return Path(str(parsed.database)).with_suffix(ending) if parsed.get_backend_name() == "sqlite" else None


def make_folder(url: URL) -> None:
    """Make the folder of an SQLite file; raises InputError where that may not be done."""
    path = Path(str(url.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        sentence = (
            f"The folder of the database {path} cannot be made ({fault.strerror}):"
            " name a file in a folder that you may write to."
        )
        raise unwritable(fault, path.parent, sentence) from fault


def make_file(url: URL) -> None:
    """Make the file of an SQLite database where there is none, for its owner alone; raises InputError as above.

    Whatever SQLite lays beside it has the same mode.
    """
    path = Path(str(url.database))
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_MODE))
    except FileExistsError:
        return
    except OSError as fault:
        sentence = (
            f"The database {path} cannot be opened ({fault.strerror}): name a file in a folder that you may write to."
        )
        raise unwritable(fault, path.parent, sentence) from fault


def write_private(path: Path, text: str) -> None:
    """Write a new file for its owner alone; raises InputError where that cannot be done."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as fault:
        sentence = f"The file {path} cannot be written ({fault.strerror}): start in a folder that you may write to."
        raise unwritable(fault, path, sentence) from fault


def require_usable_file(url: URL) -> None:
    """Raise InputError when an SQLite path is a folder or a file of another kind; a missing file is usable."""
    path = Path(str(url.database))
    try:
        if path.is_dir():
            raise InputError(
                f"The database path {path} is a folder: name a file in it, such as {path / 'scalpbot.db'}."
            )
        if path.exists():
            with path.open("rb") as file:
                header = file.read(len(_SQLITE_HEADER))
            if header and header != _SQLITE_HEADER:
                raise InputError(
                    f"The file {path} is not an SQLite database: name another file, or move this one out of the way."
                )
    except OSError as fault:
        raise InputError(
            f"The database {path} cannot be opened ({fault.strerror}): name a file in a folder that you may write to."
        ) from fault


def require_writable(engine: Engine) -> None:
    """Raise InputError when an SQLite database cannot be written by us, and InfrastructureError when it is locked."""
    try:
        with writing(engine).connect() as connection, connection.begin() as attempt:
            connection.exec_driver_sql("PRAGMA user_version = 0")
            attempt.rollback()
    except DBAPIError as fault:
        raise opening_fault(engine.url, fault) from fault
