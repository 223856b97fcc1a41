"""An account's database opened for one process that does all the trading itself, and closed to every other one.

On an SQLite file that is the lock of a file; on a server it is the executor's lease, which keeps the executors of a
deployed platform away as well.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from services.platform.platform import Upgrading, opened_store, quietly
from shared.contracts.errors import InfrastructureError, InputError, LeaseLostError
from shared.runtime.consumer import no_fence
from shared.runtime.lease import LEASE_SECONDS, RENEW_SECONDS, HeldLease, Policy, kept_in_background
from shared.runtime.overview.trading import TRADER_LEASE
from shared.store.file_lock import locked_file
from shared.store.port import Store, Transaction

_LOOK_AGAIN_SECONDS: Final = 0.5


class Trader(NamedTuple):
    """The store of the account, and a fence that raises where another process trades in it by now."""

    store: Store
    fence: Callable[[Transaction], None]


@contextmanager
def sole_trader(url: str, holder: str, upgrading: Upgrading = quietly) -> Iterator[Trader]:
    """Open the database for one process, of the name `holder`, making or upgrading its schema where that is needed.

    What `upgrading` yields is told of an upgrade, as `opened_store` says. Raises InputError while another process
    trades in it, and InfrastructureError where one began to meanwhile, which it may after this one was paused for
    longer than the lease of a server's database lasts.
    """
    with locked_file(url) as is_locked, opened_store(url, upgrading) as store:
        if is_locked:
            yield Trader(store, no_fence)
            return
        lease = HeldLease(store, TRADER_LEASE, holder, Policy.STOP)
        take(lease, store)
        try:
            with kept_in_background(lease):
                yield Trader(store, lease.fence)
        except LeaseLostError as lost:
            raise InfrastructureError("another process trades in this database now; this one stopped") from lost


def take(
    lease: HeldLease,
    store: Store,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Take the lease, waiting for the one of a process that died to run out; raise InputError for a live one."""
    until = monotonic() + LEASE_SECONDS + RENEW_SECONDS
    least = LEASE_SECONDS
    while not lease.acquire():
        with store.reading() as reader:
            held = reader.lease(TRADER_LEASE)
        left = LEASE_SECONDS if held is None else held.seconds_left
        # Only who is alive prolongs a lease.
        if left > least or monotonic() > until:
            raise InputError(
                "another process trades in this database; stop it first, or use another database with --db"
            )
        least = left
        sleep(_LOOK_AGAIN_SECONDS)
