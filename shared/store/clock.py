"""The database's own clock, by which leases expire: the only one that all processes share.

The expressions give the time at which they are reached, not that of the transaction's start.
"""

from typing import Any

from sqlalchemy import Float, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from shared.store.types import UtcInstant


class DatabaseClock(FunctionElement[float]):
    """Now, as a value of type UtcInstant."""

    name = "database_clock"
    inherit_cache = True
    type = UtcInstant()


class DatabaseClockAfter(FunctionElement[float]):
    """So many seconds from now, as a value of type UtcInstant."""

    name = "database_clock_after"
    inherit_cache = True
    type = UtcInstant()

    def __init__(self, seconds: float) -> None:
        """Look `seconds` ahead, or back where they are negative."""
        super().__init__(literal(seconds, Float))


@compiles(DatabaseClock, "sqlite")
def _now_on_sqlite(_element: DatabaseClock, _compiler: SQLCompiler, **_options: Any) -> str:
    return "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


@compiles(DatabaseClock, "postgresql")
def _now_on_postgresql(_element: DatabaseClock, _compiler: SQLCompiler, **_options: Any) -> str:
    return "clock_timestamp()"


@compiles(DatabaseClockAfter, "sqlite")
def _later_on_sqlite(element: DatabaseClockAfter, compiler: SQLCompiler, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', 'now', printf('%+.3f seconds', {seconds}))"


@compiles(DatabaseClockAfter, "postgresql")
def _later_on_postgresql(element: DatabaseClockAfter, compiler: SQLCompiler, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    return f"clock_timestamp() + make_interval(secs => CAST({seconds} AS double precision))"
