"""The collection of all tables, and the kinds of column they are made of."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, MetaData

METADATA: Final = MetaData()
# A time in any form that somebody may write.
LONGEST_TIME_CHARACTERS: Final = 60
Identity: Final = BigInteger().with_variant(Integer(), "sqlite")


def required(kind: Any, *names: str) -> list[Column[Any]]:
    """Return columns of a kind that are never NULL."""
    return [Column(name, kind, nullable=False) for name in names]


def optional(kind: Any, *names: str) -> list[Column[Any]]:
    """Return columns of a kind that may be NULL."""
    return [Column(name, kind, nullable=True) for name in names]


def identity() -> Column[int]:
    """Return a primary key that the database counts up."""
    return Column("id", Identity, primary_key=True, autoincrement=True)


def listed(names: Iterable[str]) -> str:
    """Return names as a list in SQL."""
    return ", ".join(f"'{name}'" for name in names)


def no_longer_than(table: str, **characters: int) -> list[CheckConstraint]:
    """Return constraints that columns, where they are not NULL, hold text of at most so many characters.

    On SQLite that includes that it is text at all: a column of it takes bytes, too.
    """
    return [
        CheckConstraint(condition, name=f"ck_{table}_{column}_characters").ddl_if(dialect)
        for column, most in characters.items()
        for dialect, condition in (
            ("sqlite", f"{column} IS NULL OR typeof({column}) = 'text' AND length({column}) <= {most}"),
            ("postgresql", f"length({column}) <= {most}"),
        )
    ]


def short_times(table: str, *columns: str) -> list[CheckConstraint]:
    """Return constraints that times as anybody may write them are no book; PostgreSQL has a type for times."""
    return [
        CheckConstraint(
            f"{column} IS NULL OR typeof({column}) = 'text' AND length({column}) <= {LONGEST_TIME_CHARACTERS}",
            name=f"ck_{table}_{column}_characters",
        ).ddl_if("sqlite")
        for column in columns
    ]


def whole_seconds(table: str, *columns: str) -> list[CheckConstraint]:
    """Return constraints that times are written as they are read, `YYYY-MM-DDTHH:MM:SSZ`, where they are text."""
    return [
        CheckConstraint(f"strftime('%Y-%m-%dT%H:%M:%SZ', {column}) IS {column}", name=f"ck_{table}_{column}").ddl_if(
            "sqlite"
        )
        for column in columns
    ]


def one_of(column: str, names: Iterable[str], constraint: str) -> CheckConstraint:
    """Return a constraint that a column holds one of some names."""
    return CheckConstraint(f"{column} IN ({listed(names)})", name=constraint)
