"""Retention: a running platform deletes once a day what its settings call old, as `system`, beside its trading."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from services.inspection.checkpoint import checkpoint_of
from services.inspection.differences import DifferenceError
from services.upkeep.prune import Hands, Pruned, Steps, planned, prune_in_steps
from shared.contracts.errors import InfrastructureError, InputError, InvariantError, LeaseLostError
from shared.contracts.times import format_time, parse_time
from shared.core.types import SECONDS_PER_DAY
from shared.runtime.process import Process
from shared.settings.sections import RetentionSettings
from shared.store.port import Reader, Store, Transaction
from shared.store.rows.pruning import Prunable

SYSTEM: Final = "system"
# A run that begins has other things to do first.
_FIRST_SECONDS: Final = 30.0
_AGAIN_SECONDS: Final = 600.0
_PAUSE_SECONDS: Final = 0.2
_STOP_SECONDS: Final = 5.0
# So few that replaying them takes some seconds of those in which nobody trades.
_CANDLES_AT_ONCE: Final = 5_000


class _EndingError(Exception):
    """The process is to stop: what is done so far is whole, and the rest is for the next time."""


class Retention:
    """Delete what is old, step by step."""

    def __init__(
        self,
        process: Process,
        store: Store,
        kept: RetentionSettings,
        fence: Callable[[Transaction], None],
        pause: Callable[[float], bool],
    ) -> None:
        """Begin; `pause` waits so many seconds and returns whether the process is to stop."""
        self._process = process
        self._store = store
        self._days = {table: days for table in Prunable if (days := kept.days(table))}
        self._hands = Hands(SYSTEM, process.clock, fence)
        self._pause = pause

    def due_in(self) -> float:
        """Return in how many seconds a day has passed since the database was pruned last; 0 where that is long ago."""
        with self._store.reading() as reader:
            last = _last_time(reader)
        return 0.0 if last is None else max(0.0, last + SECONDS_PER_DAY - self._process.clock())

    def once(self) -> Pruned | None:
        """Delete all that is old and return what that did, None where nothing was."""
        with self._store.reading() as reader:
            whole = planned(reader, self._days)
        if not (whole.total or whole.candles):
            return None
        steps = Steps(_CANDLES_AT_ONCE, self._go_on, self._go_on)
        return prune_in_steps(self._store, self._days, whole, self._hands, steps)

    def _go_on(self, _done: int) -> None:
        # Between two batches whoever trades has the database for itself.
        if self._pause(_PAUSE_SECONDS):
            raise _EndingError


@contextmanager
def retained(
    process: Process, store: Store, kept: RetentionSettings, fence: Callable[[Transaction], None]
) -> Iterator[None]:
    """Delete in the background, once a day, what the settings call old, while the block lasts.

    Nothing is done where they keep everything. A failure is logged and tried again; it never stops the process.
    """
    if not any(kept.days(table) for table in Prunable):
        yield
        return
    ending = threading.Event()
    retention = Retention(process, store, kept, fence, ending.wait)
    thread = threading.Thread(target=_kept, args=(process, retention, ending.wait), name="retention", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(_STOP_SECONDS)


def keep(process: Process, retention: Retention, pause: Callable[[float], bool]) -> None:
    """Delete once a day what is old, until `pause`, which waits so many seconds, says that the process is to stop.

    Raises LeaseLostError where another process may do it now.
    """
    wait = _FIRST_SECONDS
    while not pause(wait):
        try:
            wait = retention.due_in()
            if not wait:
                _tell(process, retention.once())
                wait = float(SECONDS_PER_DAY)
        except _EndingError:
            return
        except (InfrastructureError, InputError, InvariantError, OSError) as fault:
            process.log.error("old rows not deleted", reason=str(fault), next_try_seconds=_AGAIN_SECONDS)
            wait = _AGAIN_SECONDS


def _kept(process: Process, retention: Retention, pause: Callable[[float], bool]) -> None:
    with suppress(LeaseLostError):
        keep(process, retention, pause)


def _tell(process: Process, done: Pruned | None) -> None:
    if done is None:
        return
    if done.difference is not None:
        process.log.error("old rows kept: the ledger differs from its replay", reason=done.difference)
        return
    until = None if done.checkpoint is None else format_time(done.checkpoint.time)
    process.log.info(
        "old rows deleted", rows={str(table): count for table, count in done.rows.items()}, proven_until=until
    )


def _last_time(reader: Reader) -> int | None:
    try:
        checkpoint = checkpoint_of(reader)
    except DifferenceError:
        # Whoever prunes finds that out, and says it.
        return None
    record = None if checkpoint is None else reader.audit_record(checkpoint.audit_id)
    return None if record is None else parse_time(record.ts_utc)
