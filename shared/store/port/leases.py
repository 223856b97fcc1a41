"""The port of the store: leases and signs of life."""

from typing import Protocol

from shared.store.rows.leases import HeartbeatRow, LeaseRow


class LeaseReads(Protocol):
    """Read leases and signs of life."""

    def lease(self, name: str) -> LeaseRow | None:
        """Return a lease, expired or not; None when nobody ever took it."""
        ...

    def heartbeats(self) -> list[HeartbeatRow]:
        """Return the last sign of life of every process, by service and instance."""
        ...


class LeaseWrites(Protocol):
    """Take, renew, check and release leases; leave signs of life."""

    def acquire_lease(self, name: str, holder: str, ttl_seconds: float) -> int | None:
        """Take a lease that is free, expired or ours and return its epoch; None while another holds it.

        Expired is also one that ends more than a minute after a new one would: the database's clock was put back.
        The epoch grows with every new holder. `holder` names one process: started anew, it needs another name.
        """
        ...

    def renew_lease(self, name: str, holder: str, epoch: int, ttl_seconds: float) -> bool:
        """Prolong a lease from now on; False when it expired or has another holder or epoch."""
        ...

    def holds_lease(self, name: str, epoch: int) -> bool:
        """Tell whether a lease still has this epoch and has not expired; nobody else takes it until we commit.

        Asked in the transaction that writes, it keeps a process from writing that was paused past its lease.
        """
        ...

    def release_lease(self, name: str, holder: str, epoch: int) -> None:
        """Let a lease expire now; one that is not ours is left alone."""
        ...

    def beat(self, service: str, instance: str, detail_json: str) -> None:
        """Leave a sign of life of a process."""
        ...

    def forget_heartbeats(self, silent_seconds: float) -> int:
        """Delete processes that gave no sign of life for so long and return their number."""
        ...
