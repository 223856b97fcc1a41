"""The port of the store: the audit log."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from shared.store.rows.audit import AuditEntry, AuditRow


class AuditReads(Protocol):
    """Read the audit log."""

    def audit(self, limit: int) -> list[AuditRow]:
        """Return audit records, newest first."""
        ...

    def audit_record(self, audit_id: int) -> AuditRow | None:
        """Return one audit record, None where there is none."""
        ...

    def audit_in_order(self, chunk: int = 1_000) -> Iterator[AuditRow]:
        """Iterate over the audit chain from its first record, reading `chunk` rows at a time."""
        ...

    def audit_between(self, after: int, last: int, actions: Sequence[str], limit: int) -> list[AuditRow]:
        """Return the audit records of some actions with after < id <= last, oldest first."""
        ...

    def newest_audit_id(self) -> int:
        """Return the id of the newest audit record, 0 without one."""
        ...


class AuditWrites(Protocol):
    """Extend the audit log."""

    def append_audit(self, entries: Sequence[AuditEntry]) -> None:
        """Append records to the hash chain."""
        ...
