"""Faults of the database named by whose they are: the user's to mend, one to wait for, or our own broken promise."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.contracts.errors import InfrastructureError, InputError, InvariantError, full_disk

# What a broken or changed SQLite file says; the driver reports it as a plain DatabaseError.
_DAMAGED: Final = ("malformed", "not a database", "disk I/O error")
# What PostgreSQL says to somebody whom it does not let in; a refused connection carries no code.
_NOT_LET_IN: Final = (
    *("authentication failed", "does not exist", "no pg_hba.conf entry", "no password supplied"),
    # As PgBouncer words it.
    *("no such database", "no such user"),
)
_NO_CONNECT_RIGHT: Final = "permission denied for database"
_INSUFFICIENT_PRIVILEGE: Final = "42501"
# A transaction that the server ended for idling, and one on a server that only reads, such as a standby.
_TO_WAIT_FOR: Final = ("25P03", "25006")

# Of an extended code, the part that says of what kind it is.
_KIND_OF_CODE: Final = 0xFF
_MAYBE_FULL: Final = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
# The file in which SQLite's processes agree takes half of it.
_SMALLEST_FREE_BYTES: Final = 64 * 1_024


def place(url: URL) -> str:
    """Return how messages name a database: the file, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


@contextmanager
def faults_named(where: str) -> Iterator[None]:
    """Turn the driver's errors into ours: a refused row is our broken promise, a locked or full disk is not."""
    try:
        yield
    except (DBAPIError, PoolTimeoutError) as fault:
        ours = _named(where, fault)
        if ours is None:
            raise
        raise ours from fault


def opening_fault(url: URL, fault: SQLAlchemyError) -> InputError | InfrastructureError:
    """Return the error for a database that could not be opened: the user's to mend, or one to wait for."""
    where = place(url)
    said = _said(fault)
    if url.get_backend_name() != "sqlite":
        ours = _named(where, fault)
        if isinstance(ours, InputError | InfrastructureError):
            return ours
        return InputError(f"The database {where} cannot be opened ({said}): mend its URL or its settings.")
    if _disk_is_full(where, fault):
        return full_disk(f"The database {where}")
    if "locked" in said:
        return InfrastructureError(f"The database {where} is locked by another program: end it, or try again later.")
    if any(word in said for word in _DAMAGED):
        return InputError(f"The file {where} is not a sound SQLite database ({said}): name another file.")
    return InputError(f"The database {where} cannot be opened ({said}): name a file in a folder that you may write to.")


def _named(where: str, fault: SQLAlchemyError) -> InvariantError | InputError | InfrastructureError | None:
    said = _said(fault)
    code = getattr(getattr(fault, "orig", None), "sqlstate", None)
    if isinstance(fault, IntegrityError | DataError):
        return InvariantError(f"The database {where} refused a row: {said}.")
    if _is_about_data(fault):
        return InvariantError(f"The database {where} cannot answer this: {said}.")
    if code == _INSUFFICIENT_PRIVILEGE or _NO_CONNECT_RIGHT in said:
        return InputError(
            f"The database {where} does not allow this ({said}): grant it as deploy/postgres/roles.sql does."
        )
    if isinstance(fault, OperationalError) and code is None and any(words in said for words in _NOT_LET_IN):
        return InputError(
            f"The database {where} does not let us in ({said}): correct the name, the user or the password in its URL."
        )
    if _disk_is_full(where, fault):
        return full_disk(f"The database {where}")
    to_wait_for = isinstance(fault, OperationalError | InterfaceError | PoolTimeoutError) or code in _TO_WAIT_FOR
    if to_wait_for or any(words in said for words in _DAMAGED):
        return InfrastructureError(f"The database {where} cannot be used now: {said}.")
    return None


def _is_about_data(fault: SQLAlchemyError) -> bool:
    """Tell whether SQLite or its driver failed at the rows or the question: asked again, it would fail again."""
    original = getattr(fault, "orig", None)
    if not isinstance(original, sqlite3.OperationalError):
        return False
    # The driver gives no code to what it cannot make of a value.
    return getattr(original, "sqlite_errorcode", sqlite3.SQLITE_ERROR) == sqlite3.SQLITE_ERROR


def _disk_is_full(where: str, fault: SQLAlchemyError) -> bool:
    """Tell whether SQLite failed for want of space; of files of its own it only says that they failed."""
    code = getattr(getattr(fault, "orig", None), "sqlite_errorcode", None)
    if code is None:
        return False
    kind: int = code & _KIND_OF_CODE
    if kind not in _MAYBE_FULL:
        return kind == sqlite3.SQLITE_FULL
    free = free_bytes(Path(where))
    return free is not None and free < _SMALLEST_FREE_BYTES


def free_bytes(file: Path) -> int | None:
    """Return how many bytes the disk of a file has left for us, 0 where it takes no more files; None of no disk."""
    try:
        found = os.statvfs(file.parent)
    except OSError:
        return None
    if not found.f_blocks:
        return None
    return 0 if found.f_files and not found.f_favail else found.f_bavail * found.f_frsize


def _said(fault: SQLAlchemyError) -> str:
    """Return what the driver said on one line, without the advice that follows a refused connection."""
    text = str(getattr(fault, "orig", None) or fault).strip()
    if isinstance(fault, OperationalError):
        text = text.partition("\n")[0]
    return " ".join(text.split()).rstrip(".")
