"""Where platforms trade that were started in a folder: a small file in it for each, so that other verbs find them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from shared.store.engine import database_url, sqlite_url
from shared.store.file_lock import file_is_held

_NAME: Final = ".scalpbot-trades"


@contextmanager
def pointing_at(url: str, folder: Path, number: int) -> Iterator[None]:
    """Leave the path of an SQLite file in a folder while the block lasts, under the number of this process.

    The address of a server is never written down: it may hold a password, and is a setting anyway. Nothing is left in
    a folder that may not be written to.
    """
    parsed = database_url(url)
    if parsed.get_backend_name() != "sqlite":
        yield
        return
    pointer = folder / f"{_NAME}-{number}"
    with suppress(OSError):
        pointer.write_text(str(folder / str(parsed.database)), encoding="utf-8")
    try:
        yield
    finally:
        with suppress(OSError):
            pointer.unlink(missing_ok=True)


def traded_from(folder: Path) -> list[Path]:
    """Return the databases, in order, that processes started in a folder trade in now; what others left is removed."""
    found = set()
    for pointer in folder.glob(f"{_NAME}-*"):
        with suppress(OSError, UnicodeError):
            database = Path(pointer.read_text(encoding="utf-8"))
            if file_is_held(sqlite_url(database)):
                found.add(database)
            else:
                pointer.unlink()
    return sorted(found)
