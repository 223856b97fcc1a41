"""How much room the tables of a database take, with their indexes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from sqlalchemy import URL, Column, Connection, Table, func, select, text

from shared.contracts.errors import InputError
from shared.contracts.times import format_time
from shared.core.types import SECONDS_PER_DAY
from shared.store.engine import database_url, open_engine, viewing
from shared.store.faults import faults_named, place
from shared.store.schema import SchemaState, check, refusal
from shared.store.tables.metadata import METADATA
from shared.store.types import TradingDay

# The column that says of what time a row is, and the one by which rows are in that order; None where all are read.
_TIMES: Final[Mapping[str, tuple[str, str | None]]] = {
    "candles": ("time", "seq"),
    "candle_gaps": ("from_time", "from_time"),
    "assessments": ("candle_time", "seq"),
    "gate_snapshots": ("candle_time", "seq"),
    "trades": ("entry_time", "number"),
    "account_events": ("ts_utc", "id"),
    "equity": ("ts_utc", "id"),
    "applied_quotes": ("ts_utc", "id"),
    "daily_stats": ("trading_day", "trading_day"),
    "audit_log": ("ts_utc", "id"),
    "commands": ("created_ts_utc", "id"),
    "holds": ("since_ts_utc", "id"),
    "settings": ("ts_utc", None),
    "strategy_params": ("created_ts_utc", "version"),
    "outbox": ("occurred_at", "id"),
    "sessions": ("created_at", None),
    "users": ("created_at", "id"),
    "api_tokens": ("created_at", "id"),
    "login_attempts": ("last_at", None),
}


class TableSize(NamedTuple):
    """A table's rows, its bytes and those of its indexes, and the times of its oldest and newest row as text."""

    table: str
    rows: int
    table_bytes: int
    index_bytes: int
    oldest_time: str | None
    newest_time: str | None


class Room(NamedTuple):
    """The bytes of a database, and those of them that are free for new rows; None where it does not tell."""

    total_bytes: int
    free_bytes: int | None


def table_sizes(url: str) -> list[TableSize]:
    """Return how much room the tables of a database of the current schema take, largest first.

    It reads whole indexes to count rows. Raises InputError where there is none, or of another schema, and
    InfrastructureError where it is away.
    """
    parsed = database_url(url)
    found = check(url)
    if found.state is SchemaState.EMPTY:
        raise InputError(f"there is no database at {place(parsed)}; name another one with --db")
    if found.state is not SchemaState.CURRENT:
        raise InputError(refusal(place(parsed), found))
    with _viewed(parsed) as connection:
        on_file = connection.dialect.name == "sqlite"
        taken = _pages_taken(connection) if on_file else _relations(connection)
        tables = [_size(connection, table, *taken.get(table.name, (0, 0))) for table in METADATA.sorted_tables]
    return sorted(tables, key=lambda each: -each.table_bytes - each.index_bytes)


def room_of(url: str) -> Room:
    """Return how much room a database takes as a whole; raises InfrastructureError where it is away."""
    parsed = database_url(url)
    with _viewed(parsed) as connection:
        if connection.dialect.name != "sqlite":
            return Room(connection.execute(select(func.pg_database_size(func.current_database()))).scalar() or 0, None)
        pages, page, spare = (_pragma(connection, name) for name in ("page_count", "page_size", "freelist_count"))
        return Room(pages * page, spare * page)


@contextmanager
def _viewed(url: URL) -> Iterator[Connection]:
    engine = open_engine(url, statement_timeout_seconds=0)
    try:
        with faults_named(place(url)), viewing(engine).begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _size(connection: Connection, table: Table, table_bytes: int, index_bytes: int) -> TableSize:
    oldest, newest = _ends(connection, table)
    return TableSize(
        table=table.name,
        rows=connection.execute(select(func.count()).select_from(table)).scalar() or 0,
        table_bytes=table_bytes,
        index_bytes=index_bytes,
        oldest_time=oldest,
        newest_time=newest,
    )


def _ends(connection: Connection, table: Table) -> tuple[str | None, str | None]:
    if table.name not in _TIMES:
        return None, None
    name, key = _TIMES[table.name]
    time = table.c[name]
    if key is None:
        ends = [connection.execute(select(end(time))).scalar() for end in (func.min, func.max)]
    else:
        orders = (table.c[key].asc(), table.c[key].desc())
        ends = [connection.execute(select(time).order_by(order).limit(1)).scalar() for order in orders]
    first, last = (None if end is None else _text(time, end) for end in ends)
    return first, last


def _text(column: Column[Any], value: Any) -> str:
    if isinstance(column.type, TradingDay):
        return format_time(value * SECONDS_PER_DAY)
    return format_time(int(value)) if isinstance(value, int | float) else str(value)


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar() or 0)


def _pages_taken(connection: Connection) -> dict[str, tuple[int, int]]:
    """Return the bytes of tables and of their indexes in an SQLite file; nothing where its library cannot tell."""
    if not connection.execute(text("SELECT 1 FROM pragma_module_list WHERE name = 'dbstat'")).scalar():
        return {}
    of_table = connection.execute(
        text(
            "SELECT sqlite_master.tbl_name, sqlite_master.type, SUM(pages.pgsize) FROM sqlite_master"
            " JOIN (SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE) AS pages ON pages.name = sqlite_master.name"
            " GROUP BY 1, 2"
        )
    )
    found: dict[str, tuple[int, int]] = {}
    for name, kind, size in of_table:
        table, index = found.get(name, (0, 0))
        found[name] = (table, index + size) if kind == "index" else (table + size, index)
    return found


def _relations(connection: Connection) -> dict[str, tuple[int, int]]:
    query = text(
        "SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    rows: list[Any] = list(connection.execute(query))
    return {name: (int(table), int(index)) for name, table, index in rows}
