"""Whether anybody trades on an account now: by who holds the right to, and by the executors' signs of life."""

from enum import StrEnum
from typing import Final

from shared.runtime.process import BEAT_SECONDS
from shared.store.port import Reader

# Whoever holds it trades on the account, where the database is a server's.
TRADER_LEASE: Final = "executor.paper"
_EXECUTOR: Final = "executor"
# After so long without a sign of life an executor is not counted on any more.
_COUNTED_ON_SECONDS: Final = 3 * BEAT_SECONDS


class Trading(StrEnum):
    """Whether anybody trades."""

    NOW = "now"
    # No executor leads, but one lives that will: leadership changes hands, or the database was away.
    SOON = "soon"
    NOBODY = "nobody"


def trading_now(reader: Reader, file_is_held: bool | None) -> Trading:
    """Return whether anybody trades; `file_is_held` tells it for an SQLite file, and is None for a server's database.

    The system takes the lock of a file back however its holder ends. A lease lasts some seconds longer than a process
    that was killed.
    """
    if file_is_held is not None:
        return Trading.NOW if file_is_held else Trading.NOBODY
    lease = reader.lease(TRADER_LEASE)
    if lease is not None and lease.seconds_left > 0:
        return Trading.NOW
    lives = any(row.service == _EXECUTOR and row.age_seconds < _COUNTED_ON_SECONDS for row in reader.heartbeats())
    return Trading.SOON if lives else Trading.NOBODY
