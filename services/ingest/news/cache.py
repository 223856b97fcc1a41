"""The economic calendar in a file, for a start without network beside a database that does not know it."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from shared.contracts.errors import InputError
from shared.runtime.news import NewsRecord
from shared.store.engine import beside


def cache_beside(store_url: str) -> Path | None:
    """Return the cache file of an SQLite database, which lies beside it; None for a server's, which has no folder."""
    return beside(store_url, ".news.json")


def read_cache(path: Path) -> NewsRecord | None:
    """Return what a cache file holds, None where there is none; raises InputError when it is spoilt."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=NewsRecord)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as fault:
        raise InputError(f"{path}: the cached news calendar cannot be read ({fault}); it is fetched again") from fault


def write_cache(path: Path, record: NewsRecord) -> None:
    """Replace the cache file at one stroke; raises InputError where that may not be done."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            file.write(msgspec.json.encode(record))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as fault:
        with suppress(OSError):
            unfinished.unlink()
        raise InputError(
            f"{path}: the news calendar cannot be cached ({fault.strerror}); name a folder that may be written to"
        ) from fault
