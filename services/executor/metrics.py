"""What an executor counts and measures: the commands of operators."""

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
        """Begin at zero."""
        self.commands_pending = Gauge(
            "scalpbot_commands_pending", "Commands that waited when last looked for", registry=registry
        )
        self.oldest_pending = Gauge(
            "scalpbot_commands_oldest_pending_age_seconds", "Age of the first of them", registry=registry
        )


def tell_outside(process: Process, row: CommandRow) -> None:
    """Log and count a command that ended."""
    process.log.info("command", id=row.id, type=row.type, status=row.status, actor=row.actor)
    # Plain SQL may ask for anything, and labels come from closed sets.
    known = row.type if row.type in CommandType.__members__ else "unknown"
    process.metrics.of(CommandMetrics).commands.labels(known, row.status).inc()
