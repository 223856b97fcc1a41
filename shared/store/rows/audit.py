"""Records of the audit log: what is to be written, and what is stored and hashed."""

from collections.abc import Mapping
from typing import NamedTuple


class AuditEntry(NamedTuple):
    """Something to be audited: who did what, at which second, for which command, with JSON-ready details."""

    time: int
    actor: str
    action: str
    command_id: int | None
    detail: Mapping[str, object]


class AuditRow(NamedTuple):
    """An audit record exactly as it is stored and hashed."""

    id: int
    ts_utc: str
    actor: str
    action: str
    command_id: int | None
    detail_json: str
    prev_hash: str
    hash: str
