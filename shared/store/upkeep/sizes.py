"""How much room the tables of a database take, with their indexes."""

from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, func, select, text

from shared.store.engine import database_url, open_engine, viewing
from shared.store.faults import faults_named, place
from shared.store.tables.metadata import METADATA

# The column that says of what time a row is, of tables whose rows are of a time.
TIMES: Final = {
    "candles": "time",
    "candle_gaps": "from_time",
    "assessments": "candle_time",
    "gate_snapshots": "candle_time",
    "trades": "entry_time",
    "account_events": "ts_utc",
    "equity": "ts_utc",
    "applied_quotes": "ts_utc",
    "daily_stats": "trading_day",
    "audit_log": "ts_utc",
    "commands": "created_ts_utc",
    "holds": "since_ts_utc",
    "settings": "ts_utc",
    "strategy_params": "created_ts_utc",
    "outbox": "occurred_at",
    "sessions": "created_at",
    "users": "created_at",
    "api_tokens": "created_at",
    "login_attempts": "last_at",
}


class TableSize(NamedTuple):
    """A table's rows, its bytes and those of its indexes, and the oldest and newest time in it, as its column reads."""

    table: str
    rows: int
    table_bytes: int
    index_bytes: int
    oldest: object
    newest: object


class DatabaseSize(NamedTuple):
    """The bytes of a database and those of them that are free; None where the database does not tell."""

    tables: list[TableSize]
    total_bytes: int
    free_bytes: int | None


def database_size(url: str) -> DatabaseSize:
    """Return how much room a database takes, largest tables first; it reads whole indexes to count rows."""
    parsed = database_url(url)
    engine = open_engine(parsed, statement_timeout_seconds=0)
    try:
        with faults_named(place(parsed)), viewing(engine).begin() as connection:
            on_file = engine.dialect.name == "sqlite"
            taken = _pages_taken(connection) if on_file else _relations(connection)
            tables = [_size(connection, table, *taken.get(table.name, (0, 0))) for table in METADATA.sorted_tables]
            total = sum(each.table_bytes + each.index_bytes for each in tables)
            free = None
            if on_file:
                pages, page, spare = (
                    _pragma(connection, name) for name in ("page_count", "page_size", "freelist_count")
                )
                total, free = pages * page, spare * page
    finally:
        engine.dispose()
    return DatabaseSize(sorted(tables, key=lambda each: -each.table_bytes - each.index_bytes), total, free)


def _size(connection: Connection, table: Table, table_bytes: int, index_bytes: int) -> TableSize:
    rows = connection.execute(select(func.count()).select_from(table)).scalar() or 0
    oldest = newest = None
    if rows and table.name in TIMES:
        time = table.c[TIMES[table.name]]
        oldest, newest = (connection.execute(select(end(time))).scalar() for end in (func.min, func.max))
    return TableSize(
        table=table.name, rows=rows, table_bytes=table_bytes, index_bytes=index_bytes, oldest=oldest, newest=newest
    )


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
