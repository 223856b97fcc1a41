"""What an executor counts and measures: the commands of operators."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.executor.commands.holds import hold_sentence
from shared.contracts.commands import CommandType
from shared.contracts.vocabulary import HoldKind
from shared.runtime.process import Process
from shared.store.rows.commands import CommandRow, HoldRow

# What a process waits for, as its health tells it, until a restored database is accepted.
RESTORED: Final = "accept-restore"


class CommandMetrics:
    """The figures of commands that were carried out, wherever an executor runs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin at zero."""
        self.commands = Counter(
            "scalpbot_commands_total", "Commands of operators that ended", ["type", "status"], registry=registry
        )
        self.restored = Gauge(
            "scalpbot_database_restored",
            "1 while entries are held because the database is not the one that its anchors saw",
            registry=registry,
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


def tell_hold_outside(process: Process, hold: HoldRow, in_force: bool) -> None:
    """Log that a hold is in force, or ended; one for a restored database keeps the process from being ready."""
    show_restored(process, hold, in_force)
    process.log.info("hold", what=hold_sentence(hold, in_force), scope=hold.scope, kind=hold.kind, in_force=in_force)


def show_restored(process: Process, hold: HoldRow, in_force: bool) -> None:
    """Have health and figures tell that a hold for a restored database is in force, or ended; no other is told."""
    if hold.kind != HoldKind.RESTORED:
        return
    process.metrics.of(CommandMetrics).restored.set(in_force)
    if in_force:
        process.health.waits_for(RESTORED, hold_sentence(hold, True))
    else:
        process.health.has(RESTORED)
