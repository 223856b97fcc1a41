"""Times of audit records that go back: each process writes by its own clock, and a clock that was put back hides order.

What trading did carries the market's time, as of the candle or price that caused it, and is left out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from shared.contracts.facts import ACCOUNT_FACTS
from shared.contracts.times import parse_time
from shared.store.rows.audit import AuditRow

TOLERATED_SECONDS: Final = 60
_MOST_NAMED: Final = 20


class StepBack(NamedTuple):
    """A record whose time lies so many seconds before that of the record which was written before it."""

    id: int
    time: str
    after_id: int
    after_time: str
    seconds: int


@dataclass
class Clocks:
    """How often times go back by more than a minute, and the first records where they do; taken up as records pass."""

    count: int = 0
    steps: list[StepBack] = field(default_factory=list)

    def passing(self, rows: Iterable[AuditRow]) -> Iterator[AuditRow]:
        """Yield records as they come, and compare their times."""
        before, last = None, 0
        for row in rows:
            seconds = None if row.action in ACCOUNT_FACTS else _seconds(row.ts_utc)
            if seconds is not None:
                if before is not None and last - seconds > TOLERATED_SECONDS:
                    self._note(before, row, last - seconds)
                before, last = row, seconds
            yield row

    def summary(self) -> dict[str, Any]:
        """Return how often, and the first records with what is known of each, as named values."""
        return {"count": self.count, "records": [step._asdict() for step in self.steps]}

    def _note(self, before: AuditRow, row: AuditRow, seconds: int) -> None:
        self.count += 1
        if len(self.steps) < _MOST_NAMED:
            step = StepBack(id=row.id, time=row.ts_utc, after_id=before.id, after_time=before.ts_utc, seconds=seconds)
            self.steps.append(step)


def _seconds(ts_utc: str) -> int | None:
    try:
        return parse_time(ts_utc)
    except (ValueError, TypeError):
        # A record that was tampered with is the chain's to tell.
        return None
