"""Quotes that did something, and points of the equity curve between two candles."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from shared.store.types import ExactDecimal, UtcTime

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None

_Identity: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table of quotes, and let several points of the equity curve follow one candle."""
    op.create_table(
        "applied_quotes",
        _identity(),
        _required("seq", sa.BigInteger),
        _required("purpose", sa.Text),
        _required("pair", sa.Text),
        _required("ts_utc", UtcTime),
        _required("bid", ExactDecimal),
        _required("ask", ExactDecimal),
        sa.UniqueConstraint("seq", "purpose", "pair", name="uq_applied_quotes_seq_purpose_pair"),
        sa.CheckConstraint("purpose IN ('entry', 'exit')", name="ck_applied_quotes_purpose"),
    )
    op.rename_table("equity", "equity_0003")
    if op.get_bind().dialect.name != "sqlite":
        # The name of a primary key is taken until its table is gone.
        op.execute("ALTER TABLE equity_0003 RENAME CONSTRAINT equity_pkey TO equity_0003_pkey")
    op.create_table(
        "equity",
        _identity(),
        _required("seq", sa.BigInteger),
        _required("ts_utc", UtcTime),
        _required("balance", ExactDecimal),
        _required("equity", ExactDecimal),
    )
    op.execute(
        "INSERT INTO equity (seq, ts_utc, balance, equity)"
        " SELECT seq, ts_utc, balance, equity FROM equity_0003 ORDER BY seq"
    )
    op.drop_table("equity_0003")


def _identity() -> sa.Column[int]:
    return sa.Column("id", _Identity, primary_key=True, autoincrement=True)


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)
