"""What the driver for PostgreSQL is taught: timeouts, also behind a pooler, and to copy many rows.

Loaded with the first engine, and not at all where everything is kept on SQLite.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection

COPY: Final = "COPY "
_LOOK_UP_SECONDS: Final = 0.1

Answer = TypeVar("Answer")


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when an answer does not come in time.

    A statement's timeout is the server's to keep; a server that was paused, or is behind a network that swallows
    everything, keeps none, and its kernel may still answer for it.
    """

    answer_seconds: float | None = None
    timeouts: Mapping[str, int] = MappingProxyType({})
    pooled = False

    def wait(self, gen: PQGen[Answer], interval: float = _LOOK_UP_SECONDS, timeout: float | None = None) -> Answer:
        """Return what the server answers; raises OperationalError when it does not within `answer_seconds`."""
        try:
            return super().wait(gen, interval, self.answer_seconds if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                # An answer that comes later would be taken for that of the next statement.
                self.close()
                raise psycopg.OperationalError("the server does not answer") from None
            raise


def connect(
    arguments: Sequence[Any], options: dict[str, Any], answer_seconds: float | None, timeouts: Mapping[str, int]
) -> BoundedConnection:
    """Return a new connection that waits so long for an answer, for ever when it is None.

    The server's own timeouts, in milliseconds, hold for the session, or, behind a pooler such as PgBouncer, where each
    transaction may get another session of the server's, for every transaction that `begin` begins.
    """
    connection = BoundedConnection.connect(*arguments, **options)
    connection.answer_seconds = answer_seconds
    connection.timeouts = timeouts
    try:
        _look_behind(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def begin(connection: Connection) -> None:
    """Set the timeouts of a transaction that begins on a pooled connection; on any other they are set already."""
    driver: object = connection.connection.dbapi_connection
    if isinstance(driver, BoundedConnection) and driver.pooled and driver.timeouts and not driver.autocommit:
        driver.execute(_set("SET LOCAL", driver.timeouts))


def _look_behind(connection: BoundedConnection) -> None:
    """Find out whether a pooler is in between, and set what holds for the session where none is."""
    connection.autocommit = True
    answer = connection.execute("SELECT pg_backend_pid()").fetchone()
    # A pooler names a number of its own, since the process behind it changes.
    connection.pooled = answer is None or answer[0] != connection.info.backend_pid
    if connection.pooled:
        # What was prepared stays behind in a session that others get.
        connection.prepare_threshold = None
    elif connection.timeouts:
        connection.execute(_set("SET", connection.timeouts))
    connection.autocommit = False


def _set(verb: str, timeouts: Mapping[str, int]) -> bytes:
    return "; ".join(f"{verb} {name} = {milliseconds}" for name, milliseconds in timeouts.items()).encode()


def copy_rows(
    cursor: psycopg.Cursor[Any], statement: str, rows: Iterable[Sequence[object]], _context: object
) -> bool | None:
    """Send rows after a COPY instead of a statement for each; None for any other statement.

    Done where SQLAlchemy executes statements, so that it sees the faults.
    """
    if not statement.startswith(COPY):
        return None
    with cursor.copy(statement.encode()) as copy:
        for row in rows:
            copy.write_row(row)
    return True
