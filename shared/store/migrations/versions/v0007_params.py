"""Versions of the parameters, and under which of them each candle was judged."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from shared.store.types import UtcTime

revision: Final = "0007"
down_revision: Final = "0006"
branch_labels: Final = None
depends_on: Final = None

_Identity: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SECTIONS: Final = "section IN ('ema_vwap', 'vwap_rsi', 'bb_breakout', 'gates', 'risk', 'pairs')"
_INDEXES: Final = (
    ("ix_gate_snapshots_pair_candle_time", ["pair", "candle_time"]),
    ("ix_gate_snapshots_candle_time", ["candle_time", "seq"]),
)


def upgrade() -> None:
    """Create the versions, and add a version to each judged candle."""
    op.create_table(
        "strategy_params",
        sa.Column("version", _Identity, primary_key=True, autoincrement=False, nullable=False),
        _required("section", sa.Text),
        _required("body_json", sa.Text),
        _required("hash", sa.Text),
        _required("actor", sa.Text),
        _required("created_ts_utc", UtcTime),
        _optional("activated_ts_utc", UtcTime),
        _optional("activated_command_id", sa.BigInteger),
        sa.CheckConstraint("version >= 1", name="ck_strategy_params_version"),
        sa.CheckConstraint(_SECTIONS, name="ck_strategy_params_section"),
        sa.Index("ix_strategy_params_section", "section", "version"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _replace_gate_snapshots()
    else:
        op.add_column("gate_snapshots", _optional("params_version", sa.BigInteger))


def _replace_gate_snapshots() -> None:
    # SQLite adds a column behind the constraints, which no declared table looks like; it is written anew.
    for name, _columns in _INDEXES:
        op.drop_index(name, "gate_snapshots")
    op.rename_table("gate_snapshots", "gate_snapshots_0006")
    op.create_table(
        "gate_snapshots",
        sa.Column("id", _Identity, primary_key=True, autoincrement=True),
        _required("ts_utc", UtcTime),
        _required("pair", sa.Text),
        _required("strategy", sa.Text),
        _required("final_signal", sa.Text),
        _required("reason", sa.Text),
        _required("failed_gates", sa.Integer),
        _required("stream", sa.Text),
        _required("seq", sa.BigInteger),
        _required("granularity", sa.Text),
        _required("candle_time", UtcTime),
        _required("verdicts_json", sa.Text),
        _required("indicators_json", sa.Text),
        _required("params_hash", sa.Text),
        _optional("params_version", sa.BigInteger),
        sa.UniqueConstraint("seq", name="uq_gate_snapshots_seq"),
        sa.CheckConstraint("final_signal IN ('BUY', 'SELL', 'NONE')", name="ck_gate_snapshots_final_signal"),
    )
    op.execute("INSERT INTO gate_snapshots SELECT *, NULL FROM gate_snapshots_0006")
    op.drop_table("gate_snapshots_0006")
    for name, columns in _INDEXES:
        op.create_index(name, "gate_snapshots", columns)


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _optional(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)
