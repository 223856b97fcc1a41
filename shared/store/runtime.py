"""The services' own state in the store: cursors, snapshots, settings and the outbox."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import delete, func, select, update

from shared.store.rows import OutboxRow, SettingRow, SnapshotRow, StagedMessage
from shared.store.session import Session, Values
from shared.store.tables import CURSORS, OUTBOX, SETTINGS, SNAPSHOTS
from shared.store.types import format_time

# Databases limit how many values one statement may carry.
_IDS_PER_STATEMENT: Final = 500


class RuntimeSession(Session):
    """Read and write cursors, snapshots, settings and the outbox."""

    def cursor(self, consumer: str, stream: str) -> int:
        """Return the seq up to which a consumer has handled a stream, 0 when it has not begun."""
        query = select(CURSORS.c.seq).where(CURSORS.c.consumer == consumer, CURSORS.c.stream == stream)
        return self._connection.execute(query).scalar() or 0

    def snapshot(self, service: str, key: str) -> tuple[int, str] | None:
        """Return seq and JSON text of a service's state under a key."""
        query = select(SNAPSHOTS.c.seq, SNAPSHOTS.c.body_json)
        row = self._connection.execute(query.where(SNAPSHOTS.c.service == service, SNAPSHOTS.c.key == key)).first()
        return None if row is None else (row.seq, row.body_json)

    def snapshots(self, service: str) -> list[SnapshotRow]:
        """Return all states of a service by key."""
        query = select(SNAPSHOTS).where(SNAPSHOTS.c.service == service).order_by(SNAPSHOTS.c.key)
        return [SnapshotRow(*row) for row in self._connection.execute(query)]

    def setting(self, name: str) -> SettingRow | None:
        """Return the newest version of a setting."""
        query = select(SETTINGS).where(SETTINGS.c.name == name).order_by(SETTINGS.c.version.desc()).limit(1)
        row = self._connection.execute(query).first()
        return None if row is None else SettingRow(*row)

    def unsent_outbox(self, limit: int) -> list[StagedMessage]:
        """Return messages that were not yet sent, in the order of staging."""
        query = select(OUTBOX).where(OUTBOX.c.sent_at.is_(None)).order_by(OUTBOX.c.id).limit(limit)
        return [StagedMessage(row.id, OutboxRow._make(row[1:-1])) for row in self._connection.execute(query)]

    def outbox_count(self) -> int:
        """Return the number of messages that were not yet sent."""
        query = select(func.count()).select_from(OUTBOX).where(OUTBOX.c.sent_at.is_(None))
        return self._connection.execute(query).scalar_one()

    def save_cursor(self, consumer: str, stream: str, seq: int) -> None:
        """Remember that a consumer has handled a stream up to `seq`."""
        self._add(CURSORS, [(consumer, stream, seq)])

    def save_snapshots(self, rows: Sequence[SnapshotRow]) -> None:
        """Add states or overwrite them."""
        self._add(SNAPSHOTS, rows)

    def save_setting(self, name: str, body_json: str, time: int) -> int:
        """Add the next version of a setting and return its number."""
        latest = self.setting(name)
        version = 1 if latest is None else latest.version + 1
        self._add(SETTINGS, [(name, version, body_json, format_time(time))])
        return version

    def stage_outbox(self, rows: Sequence[OutboxRow]) -> None:
        """Stage messages for sending; one with a known message id is an InvariantError."""
        self._add(OUTBOX, [_outbox_values(row) for row in rows])

    def mark_outbox_sent(self, ids: Iterable[int], time: int) -> None:
        """Note that these messages were confirmed at `time`."""
        every = list(ids)
        for first in range(0, len(every), _IDS_PER_STATEMENT):
            some = every[first : first + _IDS_PER_STATEMENT]
            self._connection.execute(update(OUTBOX).where(OUTBOX.c.id.in_(some)).values(sent_at=time))

    def delete_sent_outbox(self, before: int) -> int:
        """Delete messages that were sent before a time and return their number."""
        return self._connection.execute(delete(OUTBOX).where(OUTBOX.c.sent_at < before)).rowcount


def _outbox_values(row: OutboxRow) -> Values:
    not_sent = None
    return (*row[:7], format_time(row.occurred_at), *row[8:], not_sent)
