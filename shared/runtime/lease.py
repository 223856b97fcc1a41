"""A lease: at most one process writes for an account, and one that was paused cannot write when it wakes up.

It lies in the store, runs out by the database's clock, and carries an epoch that every transaction checks.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Final, NamedTuple

from shared.contracts.errors import InfrastructureError, LeaseLostError
from shared.store.port import Reader, Store, Transaction

LEASE_SECONDS: Final = 10.0
RENEW_SECONDS: Final = 3.0
# Of a work that may change hands at any time without harm, so that a process that died is soon followed.
SHORT_LEASE_SECONDS: Final = 5.0
_RENEWED_AFTER: Final = RENEW_SECONDS / LEASE_SECONDS
_LOOK_SECONDS: Final = 0.5


class Standing(NamedTuple):
    """The name of a lease, and whether a process leads by it."""

    lease: str
    leads: bool


class Policy(Enum):
    """What a lease that ran out means to the process that held it."""

    # It is lost: the process stands by, and may take it again.
    STEP_BACK = 1
    # It is held on to where nobody had it meanwhile, and lost for good where somebody did: nothing stands by.
    STOP = 2


def unobserved(_epoch: int, _lost: str | None) -> None:
    """Tell nobody."""


def unnoticed(_holder: str) -> None:
    """Tell nobody."""


class HeldLease:
    """One process's claim to a lease."""

    def __init__(
        self,
        store: Store,
        name: str,
        holder: str,
        policy: Policy,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        observe: Callable[[int, str | None], None] = unobserved,
        wait: Callable[[str], None] = unnoticed,
        seconds: float = LEASE_SECONDS,
    ) -> None:
        """Begin without the lease; `observe` is told its epoch when it is taken, and again with why it was lost.

        `wait` is told of each other holder for which this process has to wait. The lease lasts so many seconds from
        each renewal.
        """
        self._store = store
        self._name = name
        self._holder = holder
        self._policy = policy
        self._monotonic = monotonic
        self._observe = observe
        self._wait = wait
        self._seconds = seconds
        self._waits_for: str | None = None
        self._epoch: int | None = None
        self._renewed = 0.0

    @property
    def leads(self) -> bool:
        """Return whether this process holds the lease, as far as it knows."""
        return self._epoch is not None

    @property
    def standing(self) -> Standing:
        """Return which lease this is, and whether this process holds it, as far as it knows."""
        return Standing(self._name, self.leads)

    def holds(self, reader: Reader) -> bool:
        """Return whether this process holds the lease in a view of the store; another may take it a moment later."""
        epoch = self._epoch
        if epoch is None:
            return False
        row = reader.lease(self._name)
        return row is not None and row.epoch == epoch and row.seconds_left > 0

    def acquire(self) -> bool:
        """Try to take the lease; raise InfrastructureError when the store is away."""
        asked = self._monotonic()
        with self._store.transaction() as transaction:
            epoch = transaction.acquire_lease(self._name, self._holder, self._seconds)
            other = None if epoch is not None else transaction.lease(self._name)
        if epoch is not None:
            self._epoch, self._renewed, self._waits_for = epoch, asked, None
            self._observe(epoch, None)
        elif other is not None and other.holder != self._waits_for:
            self._waits_for = other.holder
            self._wait(other.holder)
        return epoch is not None

    def keep(self) -> None:
        """Renew the lease where it is time to; to be called several times a second."""
        epoch, now = self._epoch, self._monotonic()
        if epoch is None or now - self._renewed < self._seconds * _RENEWED_AFTER:
            return
        try:
            with self._store.transaction() as transaction:
                kept = self._prolong(transaction, epoch)
        except InfrastructureError:
            # Who does not stand by asks for the lease before the next write.
            kept = self._policy is Policy.STOP or now - self._renewed < self._seconds
        else:
            self._renewed = now if kept else self._renewed
        if not kept:
            self._lose("the lease was not renewed in time")

    def fence(self, transaction: Transaction) -> None:
        """Raise LeaseLostError unless this process holds the lease, which no other can take before the commit."""
        epoch = self._epoch
        if epoch is not None and transaction.holds_lease(self._name, epoch):
            return
        if epoch is None or self._policy is Policy.STEP_BACK or not self._prolong(transaction, epoch):
            held = transaction.lease(self._name)
            is_taken = held is not None and held.epoch != epoch
            self._lose("another process took the lease" if is_taken else "the lease ran out before it was renewed")
            raise LeaseLostError(f"the lease {self._name} is no longer held by {self._holder}")

    def release(self) -> None:
        """Give the lease back, so that another process need not wait for it to run out."""
        if self._epoch is None:
            return
        why = "the service stops"
        try:
            with self._store.transaction() as transaction:
                transaction.release_lease(self._name, self._holder, self._epoch)
        except InfrastructureError as fault:
            why = f"{why}, and the lease runs out by itself: {fault}"
        self._lose(why)

    def _prolong(self, transaction: Transaction, epoch: int) -> bool:
        """Hold the lease from now on, and return whether nobody else had it; what ran out is judged by the policy."""
        if self._policy is Policy.STEP_BACK:
            return transaction.renew_lease(self._name, self._holder, epoch, self._seconds)
        taken = transaction.acquire_lease(self._name, self._holder, self._seconds)
        if taken is not None and taken != epoch:
            # Somebody else had it in between: it is not ours to go on with.
            transaction.release_lease(self._name, self._holder, taken)
        return taken == epoch

    def _lose(self, why: str) -> None:
        epoch, self._epoch = self._epoch, None
        if epoch is not None:
            self._observe(epoch, why)


@contextmanager
def kept_in_background(lease: HeldLease, beat: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Renew a lease, whatever the process does meanwhile, and give it back after the block.

    `beat` is called twice a second beside it, in the same thread.
    """
    over = threading.Event()

    def keep() -> None:
        while not over.wait(_LOOK_SECONDS):
            lease.keep()
            beat()

    thread = threading.Thread(target=keep, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        lease.release()
