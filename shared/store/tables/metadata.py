"""The collection of all tables, and the kinds of column they are made of."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, MetaData

METADATA: Final = MetaData()
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


def one_of(column: str, names: Iterable[str], constraint: str) -> CheckConstraint:
    """Return a constraint that a column holds one of some names."""
    return CheckConstraint(f"{column} IN ({listed(names)})", name=constraint)
