"""The program with something broken on purpose, for fault tests that start it as a process.

The environment variable `BROKEN` names what, several divided by blanks:

- `die:executor.before_commit`: end without any clean-up the first time that place is reached; `die:...:3`, the third.
- `lease`: every process believes that it holds the lease.
- `cursor-lock`: nobody waits for another process of the same consumer.
- `commit`: the executor takes its time before each commit.
- `pause`: stop like under SIGSTOP in the middle of a transaction, the third of the executor.
- `pause-in-command`: stop in the same way once the first command is claimed.
- `pause-after-command`: stop in the same way once the first command is carried out, before the commit.
- `decoder`: a message whose text holds `deadly` ends the process while it is read.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import Any, Final
from unittest.mock import patch

from services.cli import main
from services.cli.process import own_process
from shared.contracts.codec import decode_fact
from shared.runtime.crash import CrashPoint
from shared.runtime.lease import HeldLease
from shared.store.port import Transaction
from shared.store.sql.runtime import RuntimeSession

DEADLY: Final = b"deadly"
_KILLED: Final = 137
_BEFORE_COMMIT: Final = "executor.before_commit"
_SLOW_COMMIT_SECONDS: Final = 0.3
_PAUSED_AT: Final = f"{_BEFORE_COMMIT}:3"


def _lead_without_lease(lease: HeldLease) -> bool:
    lease._epoch = 1
    return True


def _write_without_lease(_lease: HeldLease, _transaction: Transaction) -> None:
    """Do not ask."""


def _read_cursor(session: RuntimeSession, consumer: str, stream: str) -> int:
    query = "SELECT seq FROM cursors WHERE consumer = %s AND stream = %s"
    return session._connection.exec_driver_sql(query, (consumer, stream)).scalar() or 0


def _decode_or_die(fact: str, version: int, body: bytes) -> object:
    if DEADLY in body:
        _die()
    return decode_fact(fact, version, body)


def _at(where: str, act: Callable[[], None]) -> CrashPoint:
    """Return a crash point that acts at a place, written `place` or `place:2` for the second time."""
    place, _, number = where.partition(":")
    left = [int(number or 1)]

    def crash(here: str) -> None:
        if here == place:
            left[0] -= 1
            if left[0] == 0:
                act()

    return crash


def _die() -> None:
    os._exit(_KILLED)


def _pause() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _dawdle(place: str) -> None:
    if place == _BEFORE_COMMIT:
        time.sleep(_SLOW_COMMIT_SECONDS)


def _process_with(crash: CrashPoint) -> AbstractContextManager[Any]:
    return patch("services.cli.run.service.own_process", partial(own_process, crash=crash))


def _patches(environ: Mapping[str, str]) -> Iterator[AbstractContextManager[Any]]:
    for broken in environ.get("BROKEN", "").split():
        match broken.partition(":")[0]:
            case "die":
                yield _process_with(_at(broken.removeprefix("die:"), _die))
            case "lease":
                yield patch.object(HeldLease, "acquire", _lead_without_lease)
                yield patch.object(HeldLease, "fence", _write_without_lease)
                yield patch.object(HeldLease, "holds", lambda _lease, _reader: True)
                yield patch.object(HeldLease, "keep", lambda _lease: None)
            case "cursor-lock":
                yield patch.object(RuntimeSession, "cursor", _read_cursor)
            case "commit":
                yield _process_with(_dawdle)
            case "pause":
                yield _process_with(_at(_PAUSED_AT, _pause))
            case "pause-in-command":
                yield _process_with(_at("executor.command_claimed", _pause))
            case "pause-after-command":
                yield _process_with(_at("executor.command_done", _pause))
            case "decoder":
                yield patch("shared.runtime.process.decode_fact", _decode_or_die)
            case other:
                raise ValueError(f"BROKEN={other} is unknown")


if __name__ == "__main__":
    with ExitStack() as broken_parts:
        for part in _patches(os.environ):
            broken_parts.enter_context(part)
        sys.exit(main())
