"""What an executor counts and measures: the commands of operators, and its lease."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.contracts.commands import CommandType
from shared.runtime.process import Process
from shared.store.rows.commands import CommandRow


class CommandMetrics:
    """The figures of commands that were carried out, wherever an executor runs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin at zero."""
        self.commands = Counter(
            "scalpbot_commands_total", "Commands of operators that ended", ["type", "status"], registry=registry
        )


class ExecutorMetrics:
    """The figures of an executor in a process of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin at zero, without the lease."""
        self.commands_pending = Gauge(
            "scalpbot_commands_pending", "Commands that waited when last looked for", registry=registry
        )
        self.oldest_pending = Gauge(
            "scalpbot_commands_oldest_pending_age_seconds", "Age of the first of them", registry=registry
        )
        self.lease_held = Gauge("scalpbot_lease_held", "1 while this instance leads", registry=registry)
        self.lease_epoch = Gauge("scalpbot_lease_epoch", "Epoch of the lease last held", registry=registry)


def tell_outside(process: Process, row: CommandRow) -> None:
    """Log and count a command that ended."""
    process.log.info("command", id=row.id, type=row.type, status=row.status, actor=row.actor)
    # Plain SQL may ask for anything, and labels come from closed sets.
    known = row.type if row.type in CommandType.__members__ else "unknown"
    process.metrics.of(CommandMetrics).commands.labels(known, row.status).inc()


def tell_lease(process: Process, lease: str, epoch: int, lost: str | None) -> None:
    """Log and show that a lease was taken, or lost for a reason."""
    metrics = process.metrics.of(ExecutorMetrics)
    metrics.lease_held.set(lost is None)
    metrics.lease_epoch.set(epoch)
    if lost is None:
        process.log.info("leading", lease=lease, epoch=epoch)
    else:
        process.log.warning("not leading any more", lease=lease, epoch=epoch, reason=lost)
