"""The store of a simulation: the real one on SQLite in memory, on the simulated clock, with faults around it."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Final, NamedTuple

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from shared.contracts.errors import InfrastructureError
from shared.store.port import Reader, Store, Transaction
from shared.store.sql_store import SqlStore
from shared.store.tables.metadata import METADATA
from tests.faults.simulator.faults import COMMIT_FAILED, COMMIT_UNKNOWN, STORE_AWAY, Faults
from tests.fixtures.paper import LEDGER_TABLES, NOON, ledger_query

_SECONDS_LATER: Final = re.compile(r"([+-][0-9.]+) seconds")


class LedgerTable(NamedTuple):
    """The rows of a table with the names of their columns."""

    columns: tuple[str, ...]
    rows: list[tuple[object, ...]]


class MemoryDatabase:
    """One database in memory, emptied for each simulation; statements stay compiled."""

    def __init__(self) -> None:
        """Make the schema once."""
        self._clock: Callable[[], float] = float
        self._engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        event.listen(self._engine, "connect", self._prepare)
        event.listen(self._engine, "begin", _begin)
        METADATA.create_all(self._engine)
        self._empty = sqlite3.connect(":memory:")
        self._raw.backup(self._empty)
        self.store: Store = SqlStore(self._engine)

    def reset(self, clock: Callable[[], float]) -> None:
        """Forget everything and go by a clock from now on."""
        self._clock = clock
        self._empty.backup(self._raw)

    def ledger(self) -> dict[str, LedgerTable]:
        """Return what two equal runs must agree on."""
        found = {}
        for table in LEDGER_TABLES:
            cursor = self._raw.execute(ledger_query(table))
            found[table] = LedgerTable(tuple(column[0] for column in cursor.description), cursor.fetchall())
        return found

    def outbox(self) -> list[tuple[str, bool]]:
        """Return the id of every staged message and whether it counts as sent."""
        rows = self._raw.execute("SELECT message_id, sent_at IS NOT NULL FROM outbox").fetchall()
        return [(name, bool(sent)) for name, sent in rows]

    def close(self) -> None:
        """Let go of the memory."""
        self._empty.close()
        self._engine.dispose()

    @property
    def _raw(self) -> sqlite3.Connection:
        with self._engine.connect() as connection:
            raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        return raw

    def _prepare(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys=ON")
        # The database's own clock, by which leases expire.
        connection.create_function("strftime", -1, self._written_time)

    def _written_time(self, pattern: str, of: str, later: str = "+0 seconds") -> str | None:
        if of != "now":
            return _time_of_row(pattern, of)
        found = _SECONDS_LATER.fullmatch(later)
        assert found is not None
        time = datetime.fromtimestamp(NOON + self._clock() + float(found[1]), UTC)
        return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


@cache
def _time_of_row(pattern: str, written: str) -> str | None:
    """Return what a constraint compares with how a time is written; the same few come again and again."""
    with closing(sqlite3.connect(":memory:")) as connection:
        found: str | None = connection.execute("SELECT strftime(?, ?)", (pattern, written)).fetchone()[0]
    return found


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class FaultyStore:
    """A store that is away at times, fails to commit, or commits without its caller learning of it."""

    def __init__(self, store: Store, faults: Faults, clock: Callable[[], float], owner: str) -> None:
        """Serve one process."""
        self._store = store
        self._faults = faults
        self._clock = clock
        self._owner = owner

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Open a view, if the store is there."""
        self._strike(STORE_AWAY)
        with self._store.reading() as reader:
            yield reader

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a transaction, if the store is there; it may end in any of three ways."""
        self._strike(STORE_AWAY)
        with self._store.transaction() as transaction:
            yield transaction
            self._strike(COMMIT_FAILED)
        self._strike(COMMIT_UNKNOWN)

    def close(self) -> None:
        """Do nothing: the database outlives the process."""

    def _strike(self, kind: str) -> None:
        if self._faults.strikes(kind, self._clock(), self._owner):
            raise InfrastructureError(f"simulated: {kind}")
