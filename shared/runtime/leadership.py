"""Leading: at most one process writes for an account, and one that was paused cannot write when it wakes up.

The lease lies in the store, runs out by the database's clock, and carries an epoch that every transaction checks.
"""

import time
from collections.abc import Callable
from typing import Final

from shared.contracts.errors import InfrastructureError, LeaseLostError
from shared.runtime.logs import Log
from shared.runtime.metrics import ServiceMetrics
from shared.store.port import Store, Transaction

LEASE_SECONDS: Final = 10.0
RENEW_SECONDS: Final = 3.0


class Leadership:
    """One process's claim to a lease."""

    def __init__(
        self,
        store: Store,
        name: str,
        holder: str,
        metrics: ServiceMetrics,
        log: Log,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without the lease."""
        self._store = store
        self._name = name
        self._holder = holder
        self._metrics = metrics
        self._log = log
        self._monotonic = monotonic
        self._epoch: int | None = None
        self._renewed = 0.0

    @property
    def leads(self) -> bool:
        """Return whether this process holds the lease, as far as it knows."""
        return self._epoch is not None

    def acquire(self) -> bool:
        """Try to take the lease; raise InfrastructureError when the store is away."""
        asked = self._monotonic()
        with self._store.transaction() as transaction:
            epoch = transaction.acquire_lease(self._name, self._holder, LEASE_SECONDS)
        if epoch is not None:
            self._epoch, self._renewed = epoch, asked
            self._metrics.lease_held.set(1)
            self._metrics.lease_epoch.set(epoch)
            self._log.info("leading", lease=self._name, epoch=epoch)
        return epoch is not None

    def keep(self) -> None:
        """Renew the lease where it is time to; step back when it is lost or may be."""
        now = self._monotonic()
        if self._epoch is None or now - self._renewed < RENEW_SECONDS:
            return
        try:
            with self._store.transaction() as transaction:
                kept = transaction.renew_lease(self._name, self._holder, self._epoch, LEASE_SECONDS)
        except InfrastructureError:
            kept = now - self._renewed < LEASE_SECONDS
        else:
            self._renewed = now if kept else self._renewed
        if not kept:
            self.step_back("the lease was not renewed in time")

    def fence(self, transaction: Transaction) -> None:
        """Raise LeaseLostError unless this process holds the lease, which no other can take before the commit."""
        if self._epoch is None or not transaction.holds_lease(self._name, self._epoch):
            self.step_back("another process holds the lease")
            raise LeaseLostError(f"the lease {self._name} is not held by {self._holder} any more")

    def step_back(self, reason: str) -> None:
        """Stop leading."""
        if self._epoch is not None:
            self._log.warning("not leading any more", lease=self._name, epoch=self._epoch, reason=reason)
        self._epoch = None
        self._metrics.lease_held.set(0)

    def release(self) -> None:
        """Give the lease back, so that another process need not wait for it to run out."""
        if self._epoch is None:
            return
        try:
            with self._store.transaction() as transaction:
                transaction.release_lease(self._name, self._holder, self._epoch)
        except InfrastructureError as fault:
            self._log.warning("lease not given back, it runs out by itself", reason=str(fault))
        self.step_back("the service stops")
