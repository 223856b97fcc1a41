"""The services' own state in the store: cursors, snapshots and settings."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from shared.contracts.times import format_time
from shared.store.postgresql import SETTING_TURN
from shared.store.rows.runtime import SettingRow, SnapshotRow
from shared.store.sql.session import Session, picked
from shared.store.tables.runtime import CURSORS, SETTINGS, SNAPSHOTS


class RuntimeSession(Session):
    """Read and write cursors, snapshots and settings."""

    def cursor(self, consumer: str, stream: str) -> int:
        """Lock the row on PostgreSQL, inserting it at 0 where there is none to lock."""
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
        """Look service and key up in the primary key."""
        query = select(SNAPSHOTS.c.seq, SNAPSHOTS.c.body_json)
        row = self._connection.execute(query.where(SNAPSHOTS.c.service == service, SNAPSHOTS.c.key == key)).first()
        return None if row is None else (row.seq, row.body_json)

    def snapshots(self, service: str) -> list[SnapshotRow]:
        """Read the range of the primary key that begins with the service."""
        query = picked(SNAPSHOTS, SnapshotRow._fields).where(SNAPSHOTS.c.service == service).order_by(SNAPSHOTS.c.key)
        return [SnapshotRow._make(row) for row in self._connection.execute(query)]

    def setting(self, name: str) -> SettingRow | None:
        """Take the end of the name's range in the primary key."""
        query = picked(SETTINGS, SettingRow._fields, time="ts_utc").where(SETTINGS.c.name == name)
        query = query.order_by(SETTINGS.c.version.desc()).limit(1)
        row = self._connection.execute(query).first()
        return None if row is None else SettingRow._make(row)

    def remember_setting(self, name: str, body_json: str, time: int) -> SettingRow:
        """Read without a lock first; only a missing one takes the settings' turn and is read again."""
        known = self.setting(name)
        if known is None:
            # Of two that find none, the second one sees what the first has committed.
            self._take_turns(SETTING_TURN)
            known = self.setting(name)
        if known is None:
            known = SettingRow(name=name, version=1, body_json=body_json, time=time)
            self._add_setting(known)
        return known

    def save_cursor(self, consumer: str, stream: str, seq: int) -> None:
        """Upsert on consumer and stream, even with a lower seq."""
        self._add(CURSORS, [{"consumer": consumer, "stream": stream, "seq": seq}])

    def save_snapshots(self, rows: Sequence[SnapshotRow]) -> None:
        """Upsert in bulk on service and key, with the new seq and text."""
        self._add(SNAPSHOTS, (row._asdict() for row in rows))

    def save_setting(self, name: str, body_json: str, time: int) -> int:
        """Take the settings' turn, then insert above the newest version."""
        self._take_turns(SETTING_TURN)
        latest = self.setting(name)
        version = 1 if latest is None else latest.version + 1
        self._add_setting(SettingRow(name=name, version=version, body_json=body_json, time=time))
        return version

    def _add_setting(self, row: SettingRow) -> None:
        self._add(SETTINGS, [{**row._asdict(), "ts_utc": format_time(row.time)}])
