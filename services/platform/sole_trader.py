"""An account's database opened for one process that does all the trading itself, and closed to every other one.

On an SQLite file that is the lock of a file; on a server it is the executor's lease, which keeps the executors of a
deployed platform away as well.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

from services.executor.work import LEASE
from services.platform.platform import opened_store
from shared.contracts.errors import InfrastructureError, InputError, LeaseLostError
from shared.runtime.consumer import no_fence
from shared.runtime.leadership import LEASE_SECONDS, RENEW_SECONDS
from shared.store.file_lock import locked_file
from shared.store.port import Store, Transaction

_LOOK_AGAIN_SECONDS: Final = 0.5


class Trader(NamedTuple):
    """The store of the account, and a fence that raises where another process trades in it by now."""

    store: Store
    fence: Callable[[Transaction], None]


@contextmanager
def sole_trader(url: str, holder: str) -> Iterator[Trader]:
    """Open the database for one process, of the name `holder`, making or upgrading its schema where that is needed.

    Raises InputError while another process trades in it, and InfrastructureError where one began to meanwhile, which
    it may after this one was paused for longer than the lease of a server's database lasts.
    """
    with locked_file(url) as is_locked, opened_store(url) as store:
        if is_locked:
            yield Trader(store, no_fence)
            return
        try:
            with _held(Lease(store, holder)) as lease:
                yield Trader(store, lease.fence)
        except LeaseLostError as lost:
            raise InfrastructureError("another process trades in this database now; this one stopped") from lost


class Lease:
    """The executor's lease in the hands of a process that never stands by."""

    def __init__(self, store: Store, holder: str) -> None:
        """Begin without it."""
        self._store = store
        self._holder = holder
        self._epoch: int | None = None

    def take(
        self, monotonic: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Take the lease, waiting for the one of a process that died to run out; raise InputError for a live one."""
        until = monotonic() + LEASE_SECONDS + RENEW_SECONDS
        least = LEASE_SECONDS
        while True:
            with self._store.transaction() as transaction:
                self._epoch = transaction.acquire_lease(LEASE, self._holder, LEASE_SECONDS)
                held = transaction.lease(LEASE)
            if self._epoch is not None:
                return
            left = LEASE_SECONDS if held is None else held.seconds_left
            # Only who is alive prolongs a lease.
            if left > least or monotonic() > until:
                raise InputError(
                    "another process trades in this database; stop it first, or use another database with --db"
                )
            least = left
            sleep(_LOOK_AGAIN_SECONDS)

    def renew(self) -> None:
        """Prolong the lease, also one that ran out where nobody took it meanwhile."""
        with self._store.transaction() as transaction:
            epoch = transaction.acquire_lease(LEASE, self._holder, LEASE_SECONDS)
            if epoch is not None and epoch != self._epoch:
                # Somebody else had it in between: it is not ours to go on with.
                transaction.release_lease(LEASE, self._holder, epoch)

    def fence(self, transaction: Transaction) -> None:
        """Raise LeaseLostError where another process had the lease meanwhile; nobody else has it before the commit."""
        epoch = self._epoch
        if epoch is None or transaction.holds_lease(LEASE, epoch):
            return
        if transaction.acquire_lease(LEASE, self._holder, LEASE_SECONDS) != epoch:
            raise LeaseLostError(f"the lease {LEASE} was not held by {self._holder} all the time")

    def release(self) -> None:
        """Give the lease back."""
        if self._epoch is not None:
            with self._store.transaction() as transaction:
                transaction.release_lease(LEASE, self._holder, self._epoch)


@contextmanager
def _held(lease: Lease) -> Iterator[Lease]:
    """Take the lease and prolong it in the background, whatever the process does meanwhile."""
    lease.take()
    over = threading.Event()

    def keep() -> None:
        while not over.wait(RENEW_SECONDS):
            try:
                lease.renew()
            except InfrastructureError:
                # Whoever writes next asks for the lease first.
                continue

    thread = threading.Thread(target=keep, name="lease", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        over.set()
        thread.join()
        # Where it cannot be given back it runs out by itself.
        with suppress(InfrastructureError):
            lease.release()
