"""What the driver for PostgreSQL is taught: to give up on a server that does not answer, and to copy many rows.

Loaded with the first engine, and not at all where everything is kept on SQLite.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

COPY: Final = "COPY "
_LOOK_UP_SECONDS: Final = 0.1

Answer = TypeVar("Answer")


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when an answer does not come in time.

    A statement's timeout is the server's to keep; a server that was paused, or is behind a network that swallows
    everything, keeps none, and its kernel may still answer for it.
    """

    answer_seconds: float | None = None

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


def connect(arguments: Sequence[Any], options: dict[str, Any], answer_seconds: float | None) -> BoundedConnection:
    """Return a new connection that waits so long for an answer, for ever when it is None."""
    connection = BoundedConnection.connect(*arguments, **options)
    connection.answer_seconds = answer_seconds
    return connection


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
