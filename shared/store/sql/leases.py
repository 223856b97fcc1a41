"""Leases and signs of life, both by the database's clock.

A lease lets one process write. Its epoch grows with every new holder, and whoever writes asks for its own epoch in the
same transaction: a process that was paused past its lease finds another epoch and may not write.
"""

from typing import Final
from zlib import crc32

from sqlalchemy import case, delete, func, or_, select, text, update

from shared.store.clock import DatabaseClock, DatabaseClockAfter
from shared.store.postgresql import LEASES_LEANT_ON
from shared.store.rows.leases import HeartbeatRow, LeaseRow
from shared.store.sql.session import Session
from shared.store.tables.leases import LEASES, SERVICE_HEARTBEATS

# A process that is paused in a transaction which leans on a lease keeps others from taking it until the server ends
# that transaction: sooner than the executor's lease of ten seconds runs out.
_PAUSE_LIMIT: Final = ("idle_in_transaction_session_timeout", "8s")
# A lease ends no later than one that is taken now. One that ends this much later was taken before the clock of the
# database was put back, and would keep everybody out until the clock has come there again.
_CLOCK_SLACK_SECONDS: Final = 60.0

# Whoever checked a lease in an open transaction shares this lock of the lease, which nobody takes for himself: it only
# tells who leans on which lease, since the lock of a row cannot be seen from outside.
_END_LEANING_SESSIONS: Final = text(
    "SELECT pg_terminate_backend(pid) FROM pg_locks"
    " WHERE locktype = 'advisory' AND classid = :kind AND objid = :lease AND objsubid = 2 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()"
)


class LeaseSession(Session):
    """Take, renew, check and release leases; leave and read signs of life."""

    def lease(self, name: str) -> LeaseRow | None:
        """Read the row and the clock in one statement."""
        query = select(LEASES, DatabaseClock().label("now")).where(LEASES.c.name == name)
        row = self._connection.execute(query).first()
        return (
            None
            if row is None
            else LeaseRow(name=row.name, holder=row.holder, epoch=row.epoch, seconds_left=row.expires_at - row.now)
        )

    def heartbeats(self) -> list[HeartbeatRow]:
        """Read the whole table and the clock in one statement, in the order of the primary key."""
        columns = SERVICE_HEARTBEATS.c
        query = select(SERVICE_HEARTBEATS, DatabaseClock().label("now")).order_by(columns.service, columns.instance)
        return [
            HeartbeatRow(
                service=row.service,
                instance=row.instance,
                seen_at=int(row.seen_at),
                age_seconds=row.now - row.seen_at,
                detail_json=row.detail_json,
            )
            for row in self._connection.execute(query)
        ]

    def acquire_lease(self, name: str, holder: str, ttl_seconds: float) -> int | None:
        """Upsert where the lease is ours or over; PostgreSQL first ends sessions that lean on an expired one."""
        current = self.lease(name)
        longest = ttl_seconds + _CLOCK_SLACK_SECONDS
        if current is not None and current.holder != holder and 0 < current.seconds_left <= longest:
            # Asking is not to wait for the holder's transactions, nor they for us.
            return None
        if current is not None and current.holder != holder and self._locks:
            # The holder may be paused in the middle of a transaction that leans on its lease. It can be waited for in
            # vain, since no time limit of the server ends a session that owes it data; its work is void anyway.
            self._connection.execute(_END_LEANING_SESSIONS, {"kind": LEASES_LEANT_ON, "lease": _lock_of(name)})
        expires_at = DatabaseClockAfter(ttl_seconds)
        insert = self._insert(LEASES).values(name=name, holder=holder, epoch=1, expires_at=expires_at)
        taken = insert.on_conflict_do_update(
            index_elements=[LEASES.c.name],
            set_={
                "holder": holder,
                "epoch": case((LEASES.c.holder == holder, LEASES.c.epoch), else_=LEASES.c.epoch + 1),
                "expires_at": expires_at,
            },
            where=or_(
                LEASES.c.holder == holder,
                LEASES.c.expires_at <= DatabaseClock(),
                LEASES.c.expires_at > DatabaseClockAfter(longest),
            ),
        )
        return self._connection.execute(taken.returning(LEASES.c.epoch)).scalar()

    def renew_lease(self, name: str, holder: str, epoch: int, ttl_seconds: float) -> bool:
        """Update where name, holder and epoch agree and the clock has not passed the end."""
        ours = (LEASES.c.name == name, LEASES.c.holder == holder, LEASES.c.epoch == epoch)
        renewal = update(LEASES).where(*ours, LEASES.c.expires_at > DatabaseClock())
        renewal = renewal.values(expires_at=DatabaseClockAfter(ttl_seconds))
        return self._connection.execute(renewal).rowcount == 1

    def holds_lease(self, name: str, epoch: int) -> bool:
        """Lock the row's key for sharing on PostgreSQL, and have a paused transaction ended there sooner."""
        query = select(LEASES.c.epoch).where(LEASES.c.name == name, LEASES.c.epoch == epoch)
        query = query.where(LEASES.c.expires_at > DatabaseClock())
        if self._locks:
            leaning = func.pg_advisory_xact_lock_shared(LEASES_LEANT_ON, _lock_of(name))
            query = query.add_columns(func.set_config(*_PAUSE_LIMIT, True), leaning)
            query = query.with_for_update(read=True, key_share=True)
        return self._connection.execute(query).first() is not None

    def release_lease(self, name: str, holder: str, epoch: int) -> None:
        """Update the end to the clock's now; the row stays, and with it the epoch."""
        ours = (LEASES.c.name == name, LEASES.c.holder == holder, LEASES.c.epoch == epoch)
        still_held = LEASES.c.expires_at > DatabaseClock()
        self._connection.execute(update(LEASES).where(*ours, still_held).values(expires_at=DatabaseClock()))

    def beat(self, service: str, instance: str, detail_json: str) -> None:
        """Upsert on service and instance, seen by the clock."""
        values = {"service": service, "instance": instance, "seen_at": DatabaseClock(), "detail_json": detail_json}
        insert = self._insert(SERVICE_HEARTBEATS).values(values)
        key = list(SERVICE_HEARTBEATS.primary_key.columns)
        news = {name: insert.excluded[name] for name in ("seen_at", "detail_json")}
        self._connection.execute(insert.on_conflict_do_update(index_elements=key, set_=news))

    def forget_heartbeats(self, silent_seconds: float) -> int:
        """Delete in one statement that scans the table: `seen_at` has no index."""
        silent = SERVICE_HEARTBEATS.c.seen_at < DatabaseClockAfter(-silent_seconds)
        return self._connection.execute(delete(SERVICE_HEARTBEATS).where(silent)).rowcount


def _lock_of(name: str) -> int:
    """Return the number of a lease among the advisory locks, which are told apart by two integers."""
    return crc32(name.encode()) & 0x7FFFFFFF
