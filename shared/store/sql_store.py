"""The store on a relational database: SQLite for one machine, PostgreSQL for many."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from sqlalchemy import Engine

from shared.contracts.errors import InputError
from shared.store.engine import (
    BUSY_TIMEOUT_SECONDS,
    database_url,
    file_exists,
    open_engine,
    require_usable_file,
    require_writable,
    viewing,
    writing,
)
from shared.store.faults import faults_named, place
from shared.store.port import Reader, Transaction
from shared.store.schema import require_current
from shared.store.sql.commands import CommandSession
from shared.store.sql.leases import LeaseSession
from shared.store.sql.listing import ListingSession
from shared.store.sql.outbox import OutboxSession
from shared.store.sql.params import ParamsSession
from shared.store.sql.pruning import PruneSession
from shared.store.sql.runtime import RuntimeSession
from shared.store.sql.second_factors import SecondFactorSession
from shared.store.sql.session import insert_statements
from shared.store.sql.tokens import TokenSession
from shared.store.sql.users import SignInSession
from shared.store.turns import Turns


class _SqlTransaction(
    PruneSession,
    ListingSession,
    RuntimeSession,
    OutboxSession,
    LeaseSession,
    CommandSession,
    ParamsSession,
    SignInSession,
    TokenSession,
    SecondFactorSession,
):
    """All themes of the store on one connection."""


class SqlStore:
    """Hand out views and transactions of one database."""

    def __init__(self, engine: Engine, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> None:
        """Work on an engine from `open_engine` whose schema is current; the timeout is that of SQLite's lock."""
        self._readers = viewing(engine)
        self._writers = writing(engine)
        self._inserts = insert_statements(engine.dialect)
        # On SQLite a transaction that writes is the only one.
        self._locks = engine.dialect.name != "sqlite"
        self._place = place(engine.url)
        self._turn = nullcontext if self._locks else Turns(busy_timeout_seconds).turn

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Begin without row locks; on PostgreSQL the transaction is read-only and sees one state."""
        with faults_named(self._place), self._readers.begin() as connection:
            yield _SqlTransaction(connection, self._inserts, locks=False)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Wait for this process's turn on SQLite, then begin as a writer."""
        with self._turn(), faults_named(self._place), self._writers.begin() as connection:
            yield _SqlTransaction(connection, self._inserts, self._locks)

    def close(self) -> None:
        """Dispose of the pool of connections, which readers and writers share."""
        self._readers.dispose()


def open_store(url: str, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS, *, only_to_read: bool = False) -> SqlStore:
    """Open a database of the current schema; `upgrade` makes one.

    Only to read it, nobody who writes is waited for. Raises InputError when it is missing, not ours, of another schema
    or cannot be written, InfrastructureError when it is locked or away.
    """
    parsed = database_url(url)
    on_file = parsed.get_backend_name() == "sqlite"
    if on_file:
        require_usable_file(parsed)
        if not file_exists(parsed):
            raise InputError(
                f"The database {place(parsed)} does not exist: name another file, or make it with `scalpbot paper`."
            )
    engine = open_engine(parsed, busy_timeout_seconds)
    try:
        require_current(engine)
        if on_file and not only_to_read:
            require_writable(engine)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine, busy_timeout_seconds)
