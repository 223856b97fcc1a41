"""What the themes of the store share: prepared bulk inserts, taking turns, and stored figures read back."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from sqlalchemy import BindParameter, Column, Connection, Dialect, Row, Select, Table, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.default import DefaultDialect

from shared.contracts.decimals import parse_fixed
from shared.contracts.errors import InvariantError
from shared.store.postgresql import copy_statement, take_turns
from shared.store.tables.ledger import DAILY_STATS
from shared.store.tables.market import CANDLE_GAPS, REJECTED_CANDLES
from shared.store.tables.metadata import METADATA
from shared.store.tables.runtime import CURSORS, SNAPSHOTS

Constant = TypeVar("Constant", bound=int)

# A row to be written, by column; text for times, days and decimal figures is understood by either database.
Values: TypeAlias = Mapping[str, str | int | float | None]

# A row that is there already: left as it is, or overwritten. In all other tables it is refused.
_KEPT: Final = (REJECTED_CANDLES, CANDLE_GAPS)
_OVERWRITTEN: Final = (DAILY_STATS, CURSORS, SNAPSHOTS)
# Fewer rows than these are written sooner one by one than with the preparations for many.
_MANY: Final = 5


class Insert(NamedTuple):
    """The statement for a few rows of a table, the one that is quicker for many, and the order that both want.

    `same` asks for the rows that have all these values already, in that order.
    """

    few: str
    many: str
    ordered: Callable[[Values], tuple[object, ...]]
    same: str


class Session:
    """A connection inside a transaction, with the insert statements of its database."""

    def __init__(self, connection: Connection, inserts: Mapping[str, Insert], locks: bool) -> None:
        """Work on a connection; `inserts` comes from `insert_statements`.

        `locks` says that rows must be locked, because several may write at once.
        """
        self._connection = connection
        self._inserts = inserts
        self._locks = locks

    def _take_turns(self, turn: int) -> None:
        """Let one transaction after the other go on from here: each then sees what the one before has committed."""
        if self._locks:
            take_turns(self._connection, turn)

    def _add(self, table: Table, rows: Iterable[Values]) -> None:
        # Straight to the driver: its own conversion of every value would cost more than the database takes to store it.
        ordered = self._inserts[table.name].ordered
        self._add_ordered(table, [ordered(row) for row in rows])

    def _add_ordered(self, table: Table, values: list[tuple[object, ...]]) -> None:
        """Insert rows that have the order of `written_columns` already."""
        insert = self._inserts[table.name]
        if values:
            self._connection.exec_driver_sql(insert.many if len(values) >= _MANY else insert.few, values)

    def _in_order(self, query: Select[Any], key: Column[int], chunk: int) -> Iterator[Row[Any]]:
        """Yield rows by a key that counts up from 1, asking anew for every chunk above the last key so far."""
        last = 0
        while rows := self._connection.execute(query.where(key > last).order_by(key).limit(chunk)).all():
            yield from rows
            last = rows[-1]._mapping[key]

    def _insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """Return an insert that can say what happens to a row that is there already."""
        return dialect_insert(table, self._connection.dialect)


def insert_statements(dialect: Dialect) -> dict[str, Insert]:
    """Return an insert for every table, without the columns that the database assigns."""
    if not isinstance(dialect, DefaultDialect):
        raise InvariantError(f"there are no insert statements for the dialect {dialect.name}")
    positional = type(dialect)(paramstyle="qmark" if dialect.name == "sqlite" else "format")
    return {table.name: _statements(table, positional) for table in METADATA.sorted_tables}


def written_columns(table: Table) -> list[str]:
    """Return the columns that an insert writes, in order."""
    return [
        column.name
        for column in table.columns
        if column is not table.autoincrement_column and column.server_default is None
    ]


def picked(table: Table, fields: Sequence[str], **renamed: str) -> Select[Any]:
    """Return a query for the columns that a row's fields are called after, in their order; `renamed` names the others.

    What it finds can be unpacked into the row, wherever the columns stand in the table.
    """
    return select(*(table.c[renamed.get(field, field)] for field in fields))


def cut(query: Select[Any], most: Mapping[str, int]) -> Select[Any]:
    """Return a query that reads so many characters of some columns, by name, and no more.

    SQLite's constraints can be switched off by whoever writes, and no row may fill the memory of whoever reads it.
    """
    columns = query.selected_columns
    return query.with_only_columns(
        *(
            func.substr(column, 1, most[column.name]).label(column.name) if column.name in most else column
            for column in columns
        )
    )


def of_pair(query: Select[Any], column: Column[Any], pair: str | None) -> Select[Any]:
    """Narrow a query to a pair, where one is given."""
    return query if pair is None else query.where(column == pair)


def dialect_insert(table: Table, dialect: Dialect) -> sqlite.Insert | postgresql.Insert:
    """Return the database's own insert into a table."""
    return sqlite.insert(table) if dialect.name == "sqlite" else postgresql.insert(table)


def read_fixed(values: Sequence[str], digits: int, table: Table, row: object, columns: Sequence[str]) -> list[int]:
    """Return stored figures as whole steps of 10**-digits; raises InvariantError naming table, row and column."""
    try:
        return [parse_fixed(value, digits) for value in values]
    except (ValueError, AttributeError):
        for column, value in zip(columns, values, strict=True):
            _require_fixed(value, digits, f"table {table.name}, row {row}, column {column}")
        raise


def read_name(names: Mapping[str, Constant], name: str, table: Table, row: object, column: str) -> Constant:
    """Return the constant of a stored name; raises InvariantError naming table, row and column."""
    try:
        return names[name]
    except KeyError:
        raise InvariantError(f"table {table.name}, row {row}, column {column}: {name!r} is unknown") from None


def _require_fixed(value: Any, digits: int, where: str) -> None:
    try:
        parse_fixed(value, digits)
    except (ValueError, AttributeError) as fault:
        raise InvariantError(f"{where}: {fault}") from fault


def _statements(table: Table, dialect: Dialect) -> Insert:
    insert = dialect_insert(table, dialect)
    columns = written_columns(table)
    if table in _KEPT:
        insert = insert.on_conflict_do_nothing()
    elif table in _OVERWRITTEN:
        key = list(table.primary_key.columns)
        news = {column.name: insert.excluded[column.name] for column in table.columns if column not in key}
        insert = insert.on_conflict_do_update(index_elements=key, set_=news)
    few = str(insert.compile(dialect=dialect, column_keys=columns))
    copied = dialect.name != "sqlite" and table not in (*_KEPT, *_OVERWRITTEN)
    return Insert(
        few=few,
        many=copy_statement(table.name, columns) if copied else few,
        ordered=itemgetter(*columns),
        same=str(_same(table, columns).compile(dialect=dialect)),
    )


def _same(table: Table, columns: Sequence[str]) -> Select[Any]:
    query = select(*table.primary_key.columns)
    for name in columns:
        column = table.c[name]
        value: BindParameter[Any] = bindparam(name)
        query = query.where(column.is_not_distinct_from(value) if column.nullable else column == value)
    return query
