"""The outbox in the store: messages decided together with their effect, waiting to be sent and confirmed."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import delete, func, select, update

from shared.contracts.envelope import WireMessage
from shared.contracts.times import format_time
from shared.store.rows.outbox import StagedMessage
from shared.store.sql.session import Session, picked
from shared.store.tables.outbox import OUTBOX

# Databases limit how many values one statement may carry.
_IDS_PER_STATEMENT: Final = 500
_ROW: Final = picked(OUTBOX, ("id", *WireMessage._fields))
_UNSENT: Final = OUTBOX.c.sent_at.is_(None)


class OutboxSession(Session):
    """Stage, take and prune messages."""

    def unsent_outbox(self, limit: int, producer: str | None = None, stream: str | None = None) -> list[StagedMessage]:
        """Walk the partial index of a producer's unsent rows; PostgreSQL locks them and skips locked ones."""
        query = _ROW.where(_UNSENT).order_by(OUTBOX.c.id).limit(limit)
        if producer is not None:
            query = query.where(OUTBOX.c.producer == producer)
        if stream is not None:
            query = query.where(OUTBOX.c.stream == stream)
        if self._locks:
            query = query.with_for_update(skip_locked=True)
        return [StagedMessage(number, WireMessage._make(row)) for number, *row in self._connection.execute(query)]

    def outbox_count(self, producer: str | None = None) -> int:
        """Count in the database, over the partial index of unsent rows."""
        query = select(func.count()).select_from(OUTBOX).where(_UNSENT)
        if producer is not None:
            query = query.where(OUTBOX.c.producer == producer)
        return self._connection.execute(query).scalar_one()

    def stage_outbox(self, rows: Sequence[WireMessage]) -> None:
        """Insert in bulk without `sent_at`; the database notes when they were staged."""
        unsent = {"sent_at": None}
        self._add(OUTBOX, ({**row._asdict(), **unsent, "occurred_at": format_time(row.occurred_at)} for row in rows))

    def mark_outbox_sent(self, ids: Iterable[int], time: int) -> None:
        """Update by id, some hundreds in one statement."""
        every = list(ids)
        for first in range(0, len(every), _IDS_PER_STATEMENT):
            some = every[first : first + _IDS_PER_STATEMENT]
            self._connection.execute(update(OUTBOX).where(OUTBOX.c.id.in_(some)).values(sent_at=time))

    def delete_sent_outbox(self, before: int, limit: int = 1_000, producer: str | None = None) -> int:
        """Delete by a query of the partial index of sent rows; PostgreSQL skips locked ones."""
        oldest = select(OUTBOX.c.id).where(OUTBOX.c.sent_at < before).order_by(OUTBOX.c.sent_at).limit(limit)
        if producer is not None:
            oldest = oldest.where(OUTBOX.c.producer == producer)
        if self._locks:
            oldest = oldest.with_for_update(skip_locked=True)
        return self._connection.execute(delete(OUTBOX).where(OUTBOX.c.id.in_(oldest))).rowcount
