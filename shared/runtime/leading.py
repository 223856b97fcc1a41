"""Processes of which one leads: the lease that they share, what is told of it, and a work that only the leader does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from shared.contracts.errors import InfrastructureError, LeaseLostError
from shared.runtime.heartbeat import leave_sign_of_life
from shared.runtime.lease import SHORT_LEASE_SECONDS, HeldLease, Policy, kept_in_background
from shared.runtime.process import BEAT_SECONDS, Process
from shared.store.port import Store

_LOOK_SECONDS: Final = 0.5


class LeaseMetrics:
    """The figures of a process that leads, or waits until it does."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin without the lease."""
        self.held = Gauge("scalpbot_lease_held", "1 while this instance leads", registry=registry)
        self.epoch = Gauge("scalpbot_lease_epoch", "Epoch of the lease last held", registry=registry)
        self.waiting = Gauge(
            "scalpbot_lease_waiting", "1 while this instance waits for another one that leads", registry=registry
        )


def lease_of(process: Process, store: Store, name: str, seconds: float = SHORT_LEASE_SECONDS) -> HeldLease:
    """Return a process's claim to a lease, of which log and metrics tell; it stands by while another one leads."""
    process.metrics.show(LeaseMetrics)
    # A process started anew must not be taken for the one before it, which may only be paused.
    holder = f"{process.instance}/{process.rng.getrandbits(64):016x}"
    return HeldLease(
        store,
        name,
        holder,
        Policy.STEP_BACK,
        monotonic=process.monotonic,
        observe=partial(_tell, process, name),
        wait=partial(_tell_waiting, process, name),
        seconds=seconds,
    )


def lead(process: Process, lease: HeldLease, work: Callable[[], None]) -> None:
    """Do a work that only one process may do at a time: once this one leads, and anew whenever it leads again.

    Returns when the work is done, or the process is to stop before it leads. The work ends by LeaseLostError where
    another process leads meanwhile; `lease.fence` and `require_lead` raise it.
    """
    while not process.stopped():
        if not _acquired(process, lease):
            process.health.progress()
            process.sleep(_LOOK_SECONDS)
            continue
        try:
            work()
            return
        except LeaseLostError as lost:
            process.log.warning("stepped back", reason=str(lost))


def require_lead(lease: HeldLease) -> None:
    """Raise LeaseLostError where this process knows that it does not lead any more."""
    if not lease.leads:
        raise LeaseLostError(f"the lease {lease.standing.lease} is held by another process, or by nobody")


def _acquired(process: Process, lease: HeldLease) -> bool:
    try:
        acquired = lease.acquire()
    except InfrastructureError as fault:
        process.health.waits_for("store", str(fault))
        return False
    process.health.has("store")
    return acquired


@contextmanager
def attended(process: Process, store: Store, lease: HeldLease) -> Iterator[None]:
    """Renew the lease in a thread and leave signs of life, however long the work takes; give it back in the end."""
    next_beat = 0.0

    def beat() -> None:
        nonlocal next_beat
        now = process.monotonic()
        if now < next_beat:
            return
        next_beat = now + BEAT_SECONDS
        try:
            with store.transaction() as transaction:
                leave_sign_of_life(transaction, process.service, process.instance, lease.standing)
        except InfrastructureError as fault:
            process.log.warning("no sign of life could be left", reason=str(fault))

    with kept_in_background(lease, beat):
        yield


def _tell(process: Process, lease: str, epoch: int, lost: str | None) -> None:
    """Log and show that a lease was taken, or lost for a reason."""
    metrics = process.metrics.of(LeaseMetrics)
    metrics.held.set(lost is None)
    metrics.epoch.set(epoch)
    metrics.waiting.set(0)
    if lost is None:
        process.log.info("leading", lease=lease, epoch=epoch)
    else:
        process.log.warning("not leading any more", lease=lease, epoch=epoch, reason=lost)


def _tell_waiting(process: Process, lease: str, holder: str) -> None:
    """Log and show that another process leads, for which this one waits."""
    process.metrics.of(LeaseMetrics).waiting.set(1)
    process.log.info("standing by", lease=lease, leader=holder.partition("/")[0])
