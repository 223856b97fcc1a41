"""The outbox in the store: messages decided together with their effect, waiting to be sent and confirmed."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import delete, func, select, update

from shared.contracts.times import format_time
from shared.store.clock import DatabaseClock
from shared.store.rows.runtime import OutboxRow, StagedMessage
from shared.store.sql.session import Session, Values
from shared.store.tables.runtime import OUTBOX

# Databases limit how many values one statement may carry.
_IDS_PER_STATEMENT: Final = 500
_ROW: Final = (OUTBOX.c.id, *(OUTBOX.c[name] for name in OutboxRow._fields))
_UNSENT: Final = OUTBOX.c.sent_at.is_(None)


class OutboxSession(Session):
    """Stage, take and prune messages."""

    def unsent_outbox(self, limit: int, producer: str | None = None) -> list[StagedMessage]:
        """Return messages that were not yet sent, of one producer or of all, in the order of staging.

        Within a transaction nobody else gets them until it ends, and those that another has taken are left out.
        """
        query = select(*_ROW).where(_UNSENT).order_by(OUTBOX.c.id).limit(limit)
        if producer is not None:
            query = query.where(OUTBOX.c.producer == producer)
        if self._locks:
            query = query.with_for_update(skip_locked=True)
        return [StagedMessage(row[0], OutboxRow._make(row[1:])) for row in self._connection.execute(query)]

    def outbox_count(self, producer: str | None = None) -> int:
        """Return the number of messages that were not yet sent, of one producer or of all."""
        query = select(func.count()).select_from(OUTBOX).where(_UNSENT)
        if producer is not None:
            query = query.where(OUTBOX.c.producer == producer)
        return self._connection.execute(query).scalar_one()

    def unsent_outbox_age_seconds(self, producer: str | None = None) -> float:
        """Return how long the oldest unsent message has waited by the database's clock, 0 when none waits."""
        query = select(OUTBOX.c.staged_at, DatabaseClock().label("now")).where(_UNSENT).order_by(OUTBOX.c.id).limit(1)
        if producer is not None:
            query = query.where(OUTBOX.c.producer == producer)
        row = self._connection.execute(query).first()
        return 0.0 if row is None else max(0.0, row.now - row.staged_at)

    def stage_outbox(self, rows: Sequence[OutboxRow]) -> None:
        """Stage messages for sending; one with a known message id is an InvariantError."""
        self._add(OUTBOX, [_outbox_values(row) for row in rows])

    def mark_outbox_sent(self, ids: Iterable[int], time: int) -> None:
        """Note that these messages were confirmed at `time`."""
        every = list(ids)
        for first in range(0, len(every), _IDS_PER_STATEMENT):
            some = every[first : first + _IDS_PER_STATEMENT]
            self._connection.execute(update(OUTBOX).where(OUTBOX.c.id.in_(some)).values(sent_at=time))

    def delete_sent_outbox(self, before: int, limit: int = 1_000) -> int:
        """Delete at most `limit` messages that were sent before a time, the oldest first, and return their number."""
        oldest = select(OUTBOX.c.id).where(OUTBOX.c.sent_at < before).order_by(OUTBOX.c.sent_at).limit(limit)
        if self._locks:
            oldest = oldest.with_for_update(skip_locked=True)
        return self._connection.execute(delete(OUTBOX).where(OUTBOX.c.id.in_(oldest))).rowcount


def _outbox_values(row: OutboxRow) -> Values:
    not_sent = None
    return (*row[:7], format_time(row.occurred_at), *row[8:], not_sent)
