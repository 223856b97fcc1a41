"""SQLite files as wholes: copied page by page beside whoever writes, examined, and made ready to be put in place."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy.exc import DBAPIError

from shared.contracts.errors import InputError
from shared.store.engine import BUSY_TIMEOUT_SECONDS, PRIVATE_MODE
from shared.store.faults import faults_named

_PAGES_AT_ONCE: Final = 2_000
# How many steps SQLite takes before it asks whether to go on.
_STEPS_BETWEEN_SIGNS: Final = 1_000_000


def copy_pages(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Copy a database as it is at one moment into an empty file, whoever writes meanwhile.

    `progress` is told how many pages are copied, and of how many. Raises InfrastructureError where a disk is full or
    the source is locked, InputError where it is no sound database.
    """
    with _driver_faults(source, target), closing(_opened_to_read(source)) as reading, closing(_opened(target)) as into:
        # Without a view of its own the copy would begin anew whenever somebody commits, and might never end.
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        reading.backup(
            into, pages=_PAGES_AT_ONCE, progress=lambda _status, left, total: progress(total - left, total), sleep=0
        )


def copy_over(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Put a file's pages in the place of all that a database holds, in one transaction of that database.

    Whoever has it open sees the one or the other. It needs the space of the file twice. Raises InfrastructureError
    where a disk is full or another program writes.
    """
    with _driver_faults(source, target), closing(_opened_to_read(source)) as reading, closing(_opened(target)) as into:
        reading.backup(
            into, pages=_PAGES_AT_ONCE, progress=lambda _status, left, total: progress(total - left, total), sleep=0
        )
        into.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def require_sound(path: Path) -> None:
    """Raise InputError unless every page, row and index of a file is whole."""
    with _driver_faults(path, path), closing(_opened(path)) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(1)")]
    if found != ["ok"]:
        raise InputError(f"The file {path} is damaged ({' '.join(str(found[0]).split())}): name another one.")


def make_single(path: Path) -> None:
    """Leave nothing of a database beside its file, which is its owner's alone and on the disk when that is done.

    Raises InputError while another program has it open.
    """
    with _driver_faults(path, path), closing(_opened(path)) as connection:
        try:
            mode = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
        except sqlite3.OperationalError as fault:
            if "locked" not in str(fault):
                raise
            mode = "locked"
    if mode != "delete":
        raise InputError(f"another program has {path} open; end it first")
    path.chmod(PRIVATE_MODE)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def shrink(path: Path, sign: Callable[[], None]) -> None:
    """Write a database anew without its free pages and give these back to the disk; `sign` is called now and then.

    It needs the space of what is left once more, and keeps writers out meanwhile.
    """

    def go_on() -> int:
        sign()
        return 0

    with _driver_faults(path, path), closing(_opened(path)) as connection:
        connection.set_progress_handler(go_on, _STEPS_BETWEEN_SIGNS)
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _opened(path: Path) -> sqlite3.Connection:
    # Absolute, so that no name is taken for another kind of database.
    return sqlite3.connect(path.absolute(), isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS)


def _opened_to_read(path: Path) -> sqlite3.Connection:
    place = f"file:{quote(str(path.absolute()))}?mode=ro"
    return sqlite3.connect(place, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS)


@contextmanager
def _driver_faults(source: Path, target: Path) -> Iterator[None]:
    """Turn the driver's errors into ours; only what is written to can be full."""
    with faults_named(str(target)):
        try:
            yield
        except sqlite3.DatabaseError as fault:
            if any(words in str(fault) for words in ("malformed", "not a database")):
                raise InputError(
                    f"The file {source} is not a sound SQLite database ({fault}): name another."
                ) from fault
            raise DBAPIError.instance(None, None, fault, sqlite3.Error) from fault
