"""The audit log as a chain of hashes over the characters that are stored.

hash = sha256(prev_hash + newline + canonical JSON of id, ts_utc, actor, action, command_id and detail_json), the first
record following 64 zeros. A chain by itself cannot show that its end was cut off, or that all of it was written anew:
whoever kept a hash elsewhere can, as a witness.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from sqlalchemy import select

from shared.contracts.times import format_time
from shared.store.postgresql import AUDIT_TURN
from shared.store.rows.audit import AuditEntry, AuditRow
from shared.store.sql.session import Session, Values, picked
from shared.store.tables.audit import AUDIT_LOG

GENESIS_HASH: Final = "0" * 64
_RECORDS: Final = picked(AUDIT_LOG, AuditRow._fields)


class Witness(NamedTuple):
    """What somebody outside the database has seen of it: the hash that a record had; the name tells who."""

    id: int
    hash: str
    name: str


class AuditCheck(NamedTuple):
    """What walking the chain found: the sound records, the hash they end with, and the first bad record and why."""

    ok: bool
    rows: int
    head: str
    first_bad_id: int | None
    why: str


def canonical_json(value: object) -> str:
    """Return the one JSON text of a value: keys sorted, no spaces, non-ASCII as it is; raises ValueError for NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def record(previous_id: int, previous_hash: str, entry: AuditEntry) -> AuditRow:
    """Return the record that continues a chain."""
    unhashed = AuditRow(
        id=previous_id + 1,
        ts_utc=format_time(entry.time),
        actor=entry.actor,
        action=entry.action,
        command_id=entry.command_id,
        detail_json=canonical_json(entry.detail),
        prev_hash=previous_hash,
        hash="",
    )
    return unhashed._replace(hash=hash_of(unhashed))


def hash_of(row: AuditRow) -> str:
    """Return the hash that a record must carry."""
    content = canonical_json(
        {
            "id": row.id,
            "ts_utc": row.ts_utc,
            "actor": row.actor,
            "action": row.action,
            "command_id": row.command_id,
            "detail_json": row.detail_json,
        }
    )
    return sha256(f"{row.prev_hash}\n{content}".encode()).hexdigest()


def verify_audit(rows: Iterable[AuditRow], witnesses: Sequence[Witness] = ()) -> AuditCheck:
    """Walk records in the order of their ids and stop at the first that was edited, deleted, inserted or moved.

    With witnesses, in the order of their ids, a chain that was cut off or written anew is found as well, as far as they
    reach.
    """
    head, count = GENESIS_HASH, 0
    waiting = iter(witnesses)
    witness, vouched = next(waiting, None), 0
    for row in rows:
        why = _flaw(row, count + 1, head)
        if why:
            return _broken(count, head, row.id, why)
        if witness is not None and row.id == witness.id:
            if row.hash != witness.hash:
                return _broken(count, head, row.id, _rewritten(witness, vouched))
            witness, vouched = next(waiting, None), row.id
        head, count = row.hash, count + 1
    if witness is not None:
        end = f"the log ends at record {count}" if count else "the log is empty"
        return _broken(count, head, count + 1, f"{end}, but {witness.name} saw record {witness.id}")
    return AuditCheck(ok=True, rows=count, head=head, first_bad_id=None, why="")


def _broken(rows: int, head: str, first_bad_id: int, why: str) -> AuditCheck:
    return AuditCheck(ok=False, rows=rows, head=head, first_bad_id=first_bad_id, why=why)


def _rewritten(witness: Witness, vouched: int) -> str:
    since = f"after record {vouched}" if vouched else "from the first record on"
    return f"record {witness.id} is not the one that {witness.name} saw; the log was rewritten {since}"


def _flaw(row: AuditRow, expected_id: int, head: str) -> str:
    if row.id != expected_id:
        return f"record {expected_id} is missing"
    if row.prev_hash != head:
        return f"record {row.id} does not continue the record before it"
    try:
        expected_hash = hash_of(row)
    except (TypeError, ValueError):
        expected_hash = None
    if row.hash != expected_hash:
        return f"record {row.id} was changed after it was written"
    return ""


class AuditSession(Session):
    """Read and extend the audit log."""

    def audit(self, limit: int) -> list[AuditRow]:
        """Walk the primary key from its end; no hash is checked."""
        query = _RECORDS.order_by(AUDIT_LOG.c.id.desc()).limit(limit)
        return [AuditRow._make(row) for row in self._connection.execute(query)]

    def audit_record(self, audit_id: int) -> AuditRow | None:
        """Look the id up in the primary key."""
        query = _RECORDS.where(AUDIT_LOG.c.id == audit_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else AuditRow._make(row)

    def audit_in_order(self, chunk: int = 1_000) -> Iterator[AuditRow]:
        """Ask anew for every chunk, above the last id of the one before."""
        query = _RECORDS.order_by(AUDIT_LOG.c.id).limit(chunk)
        rows = [AuditRow._make(row) for row in self._connection.execute(query)]
        while rows:
            yield from rows
            following = query.where(AUDIT_LOG.c.id > rows[-1].id)
            rows = [AuditRow._make(row) for row in self._connection.execute(following)]

    def newest_audit_id(self) -> int:
        """Take the end of the primary key."""
        return self._connection.execute(select(AUDIT_LOG.c.id).order_by(AUDIT_LOG.c.id.desc()).limit(1)).scalar() or 0

    def audit_between(self, after: int, last: int, actions: Sequence[str], limit: int) -> list[AuditRow]:
        """Walk the range of the primary key upwards; actions are filtered on the way."""
        columns = AUDIT_LOG.c
        query = _RECORDS.where(columns.id > after, columns.id <= last, columns.action.in_(actions))
        return [AuditRow._make(row) for row in self._connection.execute(query.order_by(columns.id).limit(limit))]

    def append_audit(self, entries: Sequence[AuditEntry]) -> None:
        """Take the log's turn, read its newest record, and insert what continues it in bulk."""
        if not entries:
            return
        self._take_turns(AUDIT_TURN)
        last = next(iter(self.audit(1)), None)
        last_id, head = (0, GENESIS_HASH) if last is None else (last.id, last.hash)
        rows: list[Values] = []
        for entry in entries:
            row = record(last_id, head, entry)
            rows.append(row._asdict())
            last_id, head = row.id, row.hash
        self._add(AUDIT_LOG, rows)
