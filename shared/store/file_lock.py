"""The lock of a database file: whoever trades in it holds it, one process at a time, until that ends or is killed."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from shared.contracts.errors import InputError, unwritable
from shared.store.engine import PRIVATE_MODE, database_url, make_folder, require_usable_file

_LOOKS: Final = 5
_LOOK_SECONDS: Final = 0.02


@contextmanager
def locked_file(url: str) -> Iterator[bool]:
    """Hold the lock of an SQLite file for as long as the block lasts, and tell whether there is such a lock to hold.

    It is that of a file beside the database, and the system gives it back however the process ends. A database on a
    server has none. Raises InputError while another process holds it.
    """
    parsed = database_url(url)
    if parsed.get_backend_name() != "sqlite":
        yield False
        return
    require_usable_file(parsed)
    make_folder(parsed)
    # Never the database itself: closing any descriptor of it would take SQLite's own locks away.
    path = Path(f"{parsed.database}.lock")
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, PRIVATE_MODE), "ab")
    except OSError as fault:
        sentence = (
            f"The file {path} cannot be opened ({fault.strerror}): name a database in a folder that you may write to."
        )
        raise unwritable(fault, path, sentence) from fault
    with file:
        if not _locked_soon(file):
            raise InputError(
                f"another process trades in {parsed.database}; stop it first, or use another database with --db"
            )
        yield True


def file_is_held(url: str) -> bool | None:
    """Return whether a process holds the lock of an SQLite file now; None for a database on a server."""
    parsed = database_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    try:
        with Path(f"{parsed.database}.lock").open("rb") as file:
            return not _locked(file, fcntl.LOCK_SH)
    except OSError:
        # Nobody ever traded in it, or nobody whom we may know of.
        return False


def _locked_soon(file: IO[bytes]) -> bool:
    """Take the lock, looking again where somebody may only be asking who has it."""
    for _ in range(_LOOKS):
        if _locked(file, fcntl.LOCK_EX):
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def _locked(file: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
