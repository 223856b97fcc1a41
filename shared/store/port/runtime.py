"""The port of the store: cursors, snapshots, settings, outbox, leases, signs of life and the audit log."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from shared.store.rows.runtime import (
    AuditEntry,
    AuditRow,
    HeartbeatRow,
    LeaseRow,
    OutboxRow,
    SettingRow,
    SnapshotRow,
    StagedMessage,
)


class RuntimeReads(Protocol):
    """Read the services' own state, settings, outbox, leases and the audit chain."""

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

    def unsent_outbox(self, limit: int, producer: str | None = None) -> list[StagedMessage]:
        """Return messages that were not yet sent, of one producer or of all, in the order of staging.

        Within a transaction nobody else gets them until it ends, and those that another has taken are left out.
        """
        ...

    def outbox_count(self, producer: str | None = None) -> int:
        """Return the number of messages that were not yet sent, of one producer or of all."""
        ...

    def lease(self, name: str) -> LeaseRow | None:
        """Return a lease, expired or not; None when nobody ever took it."""
        ...

    def heartbeats(self) -> list[HeartbeatRow]:
        """Return the last sign of life of every process, by service and instance."""
        ...

    def audit(self, limit: int) -> list[AuditRow]:
        """Return audit records, newest first."""
        ...

    def audit_record(self, audit_id: int) -> AuditRow | None:
        """Return one audit record, None where there is none."""
        ...

    def audit_in_order(self, chunk: int = 1_000) -> Iterator[AuditRow]:
        """Iterate over the audit chain from its first record, reading `chunk` rows at a time."""
        ...


class RuntimeWrites(Protocol):
    """Write the services' own state, settings, outbox, leases and the audit chain."""

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

    def stage_outbox(self, rows: Sequence[OutboxRow]) -> None:
        """Stage messages for sending; one with a known message id is an InvariantError."""
        ...

    def mark_outbox_sent(self, ids: Iterable[int], time: int) -> None:
        """Note that these messages were confirmed at `time`."""
        ...

    def delete_sent_outbox(self, before: int, limit: int = 1_000) -> int:
        """Delete at most `limit` messages that were sent before a time, the oldest first, and return their number."""
        ...

    def acquire_lease(self, name: str, holder: str, ttl_seconds: float) -> int | None:
        """Take a lease that is free, expired or ours and return its epoch; None while another holds it.

        The epoch grows with every new holder. `holder` names one process: started anew, it needs another name.
        """
        ...

    def renew_lease(self, name: str, holder: str, epoch: int, ttl_seconds: float) -> bool:
        """Prolong a lease from now on; False when it expired or has another holder or epoch."""
        ...

    def holds_lease(self, name: str, epoch: int) -> bool:
        """Tell whether a lease still has this epoch and has not expired; nobody else takes it until we commit.

        Asked in the transaction that writes, it keeps a process from writing that was paused past its lease.
        """
        ...

    def release_lease(self, name: str, holder: str, epoch: int) -> None:
        """Let a lease expire now; one that is not ours is left alone."""
        ...

    def beat(self, service: str, instance: str, detail_json: str) -> None:
        """Leave a sign of life of a process."""
        ...

    def forget_heartbeats(self, silent_seconds: float) -> int:
        """Delete processes that gave no sign of life for so long and return their number."""
        ...

    def append_audit(self, entries: Sequence[AuditEntry]) -> None:
        """Append records to the hash chain."""
        ...
