"""All rows of a database copied into another one of the same schema, whichever kind either is.

Rows travel as SQLite has them, times and decimal figures as text, which PostgreSQL understands as well.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import Boolean, Column, Connection, Table, func, select, text

from shared.store.postgresql import copy_statement
from shared.store.tables.metadata import METADATA
from shared.store.types import ExactDecimal, TradingDay, UtcInstant, UtcTime, WrittenTime

_CHUNK: Final = 5_000
_SECONDS: Final = "to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24\\:MI\\:SS\"Z\"')"
_MILLISECONDS: Final = "to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24\\:MI\\:SS.MS\"Z\"')"
# How PostgreSQL writes what SQLite keeps in another form.
_WRITTEN: Final[tuple[tuple[type[Any], str], ...]] = (
    (UtcTime, _SECONDS),
    (WrittenTime, _SECONDS),
    (UtcInstant, _MILLISECONDS),
    (TradingDay, "to_char({0}, 'YYYY-MM-DD')"),
    (ExactDecimal, "CAST({0} AS text)"),
    (Boolean, "CAST({0} AS integer)"),
)


def count_rows(connection: Connection) -> int:
    """Return how many rows all tables have together."""
    counts = (connection.execute(select(func.count()).select_from(table)).scalar() for table in METADATA.sorted_tables)
    return sum(count or 0 for count in counts)


def copy_rows(source: Connection, target: Connection, progress: Callable[[int], None]) -> int:
    """Copy every row of every table into a database without any, and return how many; `progress` is told the same.

    Both are inside their transactions: what is read is of one moment, and nothing is there until the target commits.
    """
    done = 0
    for table in METADATA.sorted_tables:
        for rows in _chunks(source, table):
            _add(target, table, rows)
            done += len(rows)
            progress(done)
        if target.dialect.name != "sqlite":
            _count_on(target, table)
    return done


def _chunks(source: Connection, table: Table) -> Iterator[Sequence[tuple[object, ...]]]:
    on_server = source.dialect.name != "sqlite"
    columns = ", ".join(_written(column) if on_server else f'"{column.name}"' for column in table.columns)
    order = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
    query = text(f'SELECT {columns} FROM "{table.name}" ORDER BY {order}')  # noqa: S608 - names of ours
    with source.execute(query, execution_options={"stream_results": True, "yield_per": _CHUNK}) as found:
        rows = iter(found)
        while chunk := [tuple(row) for row in islice(rows, _CHUNK)]:
            yield chunk


def _written(column: Column[Any]) -> str:
    """Return the expression by which PostgreSQL writes a column as SQLite keeps it."""
    name = f'"{column.name}"'
    return next((form.format(name) for kind, form in _WRITTEN if isinstance(column.type, kind)), name)


def _add(target: Connection, table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    names = [column.name for column in table.columns]
    on_file = target.dialect.name == "sqlite"
    if not on_file and len(rows) > 1:
        target.exec_driver_sql(copy_statement(table.name, names), list(rows))
        return
    places = ", ".join(("?" if on_file else "%s") for _ in names)
    quoted = ", ".join(f'"{name}"' for name in names)
    statement = f'INSERT INTO "{table.name}" ({quoted}) VALUES ({places})'  # noqa: S608 - names of ours
    if not on_file:
        # As text, which the server takes for whatever its column is; several rows are copied as text, too.
        rows = [tuple(None if value is None else str(value) for value in row) for row in rows]
    target.exec_driver_sql(statement, list(rows))


def _count_on(target: Connection, table: Table) -> None:
    """Have PostgreSQL number new rows after those that are there."""
    column = table.autoincrement_column
    if column is None:
        return
    newest = target.execute(select(func.max(column))).scalar() or 0
    sequence = func.pg_get_serial_sequence(table.name, column.name)
    target.execute(select(func.setval(sequence, newest + 1, False)))
