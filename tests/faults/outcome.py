"""What came of a run that was disturbed: what it lost, doubled or violated against one that was not."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from services.inspection.csv_export import closed_trades
from services.inspection.parity import check_parity
from shared.anchors.audit_trail import AuditTrail
from shared.contracts.shown import trade_hash
from shared.store.port import Reader
from shared.store.sql.audit import verify_audit

# Under this name a test reports an outcome, so that it reaches the last lines of the run also from another process.
REPORTED: Final = "fault outcome"
_MOST_ROWS: Final = 1_000_000
_OF_THE_API: Final = ("service.started", "service.stopped")

Effects: TypeAlias = Mapping[str, "Counter[str]"]


@dataclass(frozen=True)
class Outcome:
    """What was injected, what that did to the ledger, and how long it took to recover, in seconds."""

    row: str
    fault: str
    injected: int
    lost: int
    doubled: int
    violations: tuple[str, ...]
    recovery_seconds: tuple[float, ...] = ()
    promised_seconds: float | None = None
    notes: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def slowest_recovery_seconds(self) -> float:
        """Return the longest time that a recovery took."""
        return max(self.recovery_seconds, default=0.0)

    def figure(self, name: str) -> float:
        """Return a figure that was noted."""
        return float(self.notes[name])

    def broken_promises(self, timed: bool = True) -> list[str]:
        """Return what did not hold, in a sentence each; where `timed`, also a recovery that took too long."""
        broken = [f"row {self.row}, {self.fault}: {violation}" for violation in self.violations]
        if self.injected == 0:
            broken.append(f"row {self.row}, {self.fault}: nothing was injected")
        if self.lost or self.doubled:
            differs = self.notes.get("differs", "")
            broken.append(f"row {self.row}, {self.fault}: {self.lost} rows lost, {self.doubled} doubled: {differs}")
        if timed and self.promised_seconds is not None and self.slowest_recovery_seconds > self.promised_seconds:
            slowest = f"{self.slowest_recovery_seconds:.1f} s, not {self.promised_seconds:g} s"
            broken.append(f"row {self.row}, {self.fault}: recovery took {slowest}")
        return broken

    def require_sound(self) -> None:
        """Fail unless something was injected and nothing lost, doubled or violated.

        Where tests run, other work may take most of the processors: how long a recovery took is printed, not judged.
        """
        broken = self.broken_promises(timed=False)
        assert not broken, broken


def effects_of(reader: Reader) -> Effects:
    """Return every row that a fault could lose or double, by its table.

    Of the audit log, what an API tells of its own start and end and what became of commands is no part of it. Its
    records are counted anew, and are without the hashes that `violations_of` checks.
    """
    records = [each for each in reader.audit_in_order() if each.action not in _OF_THE_API and each.command_id is None]
    return {
        "candles": _counted(reader.candles_in_order()),
        "assessments": _counted(reader.assessments_after(0, _MOST_ROWS)),
        "gate_snapshots": _counted(reader.gate_snapshots_after(0, _MOST_ROWS)),
        "trades": _counted(reader.trades_in_order()),
        "account_events": _counted(reader.account_events_in_order()),
        "equity": _counted(reader.equity_in_order()),
        "daily_stats": _counted(reader.daily_stats(_MOST_ROWS)),
        "positions": _counted(reader.positions()),
        "audit_log": _counted(
            each._replace(id=number, prev_hash="", hash="") for number, each in enumerate(records, start=1)
        ),
    }


def violations_of(reader: Reader, expected_hash: str | None) -> list[str]:
    """Return every promise that a ledger breaks; without an expected hash its trades may be any."""
    found = []
    check = check_parity(reader, lambda _done: None)
    if check.difference is not None:
        found.append(f"parity: {check.difference}")
    if check.waiting:
        found.append(f"{check.waiting} candles are stored and were never traded")
    trail = AuditTrail()
    if not verify_audit(trail.passing(reader.audit_in_order())).ok:
        found.append("the audit chain is broken")
    if difference := trail.difference(reader):
        found.append(f"the tables are not as the audit log tells: {difference}")
    if expected_hash is not None and trade_hash(closed_trades(reader)) != expected_hash:
        found.append("the trade hash is not the backtest's")
    open_pairs = [trade.opening.entry.pair for trade in reader.trades_in_order() if trade.closing is None]
    if len(open_pairs) != len(set(open_pairs)):
        found.append("a pair has two open trades")
    return found


def missing(expected: Effects, found: Effects) -> int:
    """Return how many rows of `expected` are not in `found`; with the arguments changed, how many are too many."""
    return sum((rows - found[table]).total() for table, rows in expected.items())


def described(expected: Effects, found: Effects) -> str:
    """Return which tables differ and by how many rows, for a message."""
    parts = []
    for table, rows in expected.items():
        less, more = (rows - found[table]).total(), (found[table] - rows).total()
        if less or more:
            parts.append(f"{table} -{less} +{more}")
    return ", ".join(parts) or "no difference"


def table_of(outcomes: Sequence[Outcome]) -> str:
    """Return outcomes as a text table, a line for each."""
    headings = ("row", "fault", "injected", "lost", "doubled", "violated", "recovery s", "promised", "notes")
    lines = [headings, *(_cells(outcome) for outcome in outcomes)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _cells(outcome: Outcome) -> tuple[str, ...]:
    seconds = sorted(outcome.recovery_seconds)
    middle = f"{seconds[len(seconds) // 2]:.1f}, worst {seconds[-1]:.1f}" if seconds else "-"
    promised = "-" if outcome.promised_seconds is None else f"{outcome.promised_seconds:g}"
    notes = "; ".join(
        f"{name} {value if isinstance(value, str) else f'{value:.4g}'}" for name, value in outcome.notes.items()
    )
    figures = (outcome.injected, outcome.lost, outcome.doubled, len(outcome.violations))
    return (outcome.row, outcome.fault, *map(str, figures), middle, promised, notes)


def _counted(rows: Iterable[object]) -> "Counter[str]":
    return Counter(map(repr, rows))
