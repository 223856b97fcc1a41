"""One order for the candles of all streams, so that several strategy processes can share them."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from shared.store.types import ExactDecimal, UtcTime

revision: Final = "0003"
down_revision: Final = "0002"
branch_labels: Final = None
depends_on: Final = None

_Identity: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PREVIOUS: Final = "previous_seq >= 0 AND previous_seq < seq"


def upgrade() -> None:
    """Tell of each candle which one came before it, and count candles and verdicts over all streams.

    So far there was one stream, in which each candle followed the one before it.
    """
    if op.get_bind().dialect.name == "sqlite":
        _replace_candles()
        _replace_assessments()
        _replace_gate_snapshots()
    else:
        _alter_tables()
    op.execute("UPDATE cursors SET stream = 'assessed' WHERE consumer = 'executor' AND stream = 'assessed.0'")


def _alter_tables() -> None:
    op.add_column("candles", sa.Column("previous_seq", sa.BigInteger, nullable=True))
    op.execute("UPDATE candles SET previous_seq = seq - 1")
    op.alter_column("candles", "previous_seq", nullable=False)
    op.drop_constraint("uq_candles_stream_seq", "candles")
    op.create_unique_constraint("uq_candles_seq", "candles", ["seq"])
    op.create_check_constraint("ck_candles_previous_seq", "candles", _PREVIOUS)
    op.drop_constraint("pk_assessments", "assessments")
    op.create_primary_key("pk_assessments", "assessments", ["seq"])
    op.drop_constraint("uq_gate_snapshots_stream_seq", "gate_snapshots")
    op.create_unique_constraint("uq_gate_snapshots_seq", "gate_snapshots", ["seq"])


def _replace_candles() -> None:
    prices = [f"{side}_{part}" for side in ("bid", "ask") for part in ("open", "high", "low", "close")]
    op.rename_table("candles", "candles_0002")
    op.create_table(
        "candles",
        sa.Column("id", _Identity, primary_key=True, autoincrement=True),
        _required("stream", sa.Text),
        _required("seq", sa.BigInteger),
        _required("previous_seq", sa.BigInteger),
        _required("pair", sa.Text),
        _required("granularity", sa.Text),
        _required("time", UtcTime),
        *(_required(name, ExactDecimal) for name in prices),
        _required("volume", sa.Double),
        sa.UniqueConstraint("seq", name="uq_candles_seq"),
        sa.UniqueConstraint("pair", "granularity", "time", name="uq_candles_pair_granularity_time"),
        sa.CheckConstraint("seq >= 1", name="ck_candles_seq"),
        sa.CheckConstraint(_PREVIOUS, name="ck_candles_previous_seq"),
    )
    op.execute(
        "INSERT INTO candles"
        " SELECT id, stream, seq, seq - 1, pair, granularity, time, bid_open, bid_high, bid_low, bid_close,"
        " ask_open, ask_high, ask_low, ask_close, volume FROM candles_0002"
    )
    op.drop_table("candles_0002")


def _replace_assessments() -> None:
    op.rename_table("assessments", "assessments_0002")
    op.create_table(
        "assessments",
        _required("stream", sa.Text),
        sa.Column("seq", _Identity, autoincrement=False, nullable=False),
        _required("pair", sa.Text),
        _required("candle_time", UtcTime),
        _required("strategy", sa.Text),
        _required("params_hash", sa.Text),
        _required("body_json", sa.Text),
        sa.PrimaryKeyConstraint("seq", name="pk_assessments"),
    )
    op.execute("INSERT INTO assessments SELECT * FROM assessments_0002")
    op.drop_table("assessments_0002")


def _replace_gate_snapshots() -> None:
    op.drop_index("ix_gate_snapshots_pair_candle_time", "gate_snapshots")
    op.rename_table("gate_snapshots", "gate_snapshots_0002")
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
        sa.UniqueConstraint("seq", name="uq_gate_snapshots_seq"),
        sa.CheckConstraint("final_signal IN ('BUY', 'SELL', 'NONE')", name="ck_gate_snapshots_final_signal"),
    )
    op.execute("INSERT INTO gate_snapshots SELECT * FROM gate_snapshots_0002")
    op.drop_table("gate_snapshots_0002")
    op.create_index("ix_gate_snapshots_pair_candle_time", "gate_snapshots", ["pair", "candle_time"])


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)
