"""The port of the store: the services' own state."""

from collections.abc import Sequence
from typing import Protocol

from shared.store.rows.runtime import SettingRow, SnapshotRow


class RuntimeReads(Protocol):
    """Read cursors, snapshots and settings."""

    def cursor(self, consumer: str, stream: str) -> int:
        """Return the seq up to which a consumer has handled a stream, 0 when it has not begun.

        Within a transaction the cursor is ours until it ends: a second process of the consumer waits here.
        """
        ...

    def snapshot(self, service: str, key: str) -> tuple[int, str] | None:
        """Return seq and JSON text of a service's state under a key."""
        ...

    def snapshots(self, service: str) -> list[SnapshotRow]:
        """Return all states of a service by key."""
        ...

    def setting(self, name: str) -> SettingRow | None:
        """Return the newest version of a setting."""
        ...


class RuntimeWrites(Protocol):
    """Write cursors, snapshots and settings."""

    def save_cursor(self, consumer: str, stream: str, seq: int) -> None:
        """Remember that a consumer has handled a stream up to `seq`."""
        ...

    def save_snapshots(self, rows: Sequence[SnapshotRow]) -> None:
        """Add states or overwrite them."""
        ...

    def save_setting(self, name: str, body_json: str, time: int) -> int:
        """Add the next version of a setting and return its number."""
        ...

    def remember_setting(self, name: str, body_json: str, time: int) -> SettingRow:
        """Return the newest version of a setting, which is this one where there was none."""
        ...
