"""The services' own state in the store: cursors, snapshots and settings."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from shared.contracts.times import format_time
from shared.store.postgresql import SETTING_TURN
from shared.store.rows.runtime import SettingRow, SnapshotRow
from shared.store.sql.session import Session
from shared.store.tables.runtime import CURSORS, SETTINGS, SNAPSHOTS


class RuntimeSession(Session):
    """Read and write cursors, snapshots and settings."""

    def cursor(self, consumer: str, stream: str) -> int:
        """Return the seq up to which a consumer has handled a stream, 0 when it has not begun.

        Within a transaction the cursor is ours until it ends: a second process of the consumer waits here.
        """
        query = select(CURSORS.c.seq).where(CURSORS.c.consumer == consumer, CURSORS.c.stream == stream)
        if self._locks:
            query = query.with_for_update()
        seq = self._connection.execute(query).scalar()
        if seq is None and self._locks:
            # Only a row can be locked, and two processes may begin at once.
            first = postgresql.insert(CURSORS).values(consumer=consumer, stream=stream, seq=0)
            self._connection.execute(first.on_conflict_do_nothing())
            seq = self._connection.execute(query).scalar()
        return seq or 0

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

    def remember_setting(self, name: str, body_json: str, time: int) -> SettingRow:
        """Return the newest version of a setting, which is this one where there was none."""
        known = self.setting(name)
        if known is None:
            # Of two that find none, the second one sees what the first has committed.
            self._take_turns(SETTING_TURN)
            known = self.setting(name)
        if known is None:
            known = SettingRow(name, 1, body_json, time)
            self._add(SETTINGS, [(*known[:3], format_time(time))])
        return known

    def save_cursor(self, consumer: str, stream: str, seq: int) -> None:
        """Remember that a consumer has handled a stream up to `seq`."""
        self._add(CURSORS, [(consumer, stream, seq)])

    def save_snapshots(self, rows: Sequence[SnapshotRow]) -> None:
        """Add states or overwrite them."""
        self._add(SNAPSHOTS, rows)

    def save_setting(self, name: str, body_json: str, time: int) -> int:
        """Add the next version of a setting and return its number."""
        self._take_turns(SETTING_TURN)
        latest = self.setting(name)
        version = 1 if latest is None else latest.version + 1
        self._add(SETTINGS, [(name, version, body_json, format_time(time))])
        return version
