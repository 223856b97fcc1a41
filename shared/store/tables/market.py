"""The tables of the market: candles, what was refused or is missing, and how each candle was judged."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from shared.contracts.vocabulary import GapKind
from shared.core.types import SIDE_NAMES
from shared.store.tables.metadata import METADATA, Identity, identity, one_of, optional, required
from shared.store.types import ExactDecimal, Granularity, UtcTime

# Every closed candle at its place among all, without gaps; the stream names the partition that judges it.
CANDLES: Final = Table(
    "candles",
    METADATA,
    identity(),
    required("stream", Text),
    required("seq", BigInteger),
    # The candle before it in its stream, 0 for none.
    required("previous_seq", BigInteger),
    required("pair", Text),
    required("granularity", Granularity),
    required("time", UtcTime),
    required("bid_open", ExactDecimal),
    required("bid_high", ExactDecimal),
    required("bid_low", ExactDecimal),
    required("bid_close", ExactDecimal),
    required("ask_open", ExactDecimal),
    required("ask_high", ExactDecimal),
    required("ask_low", ExactDecimal),
    required("ask_close", ExactDecimal),
    required("volume", Double),
    UniqueConstraint("seq", name="uq_candles_seq"),
    UniqueConstraint("pair", "granularity", "time", name="uq_candles_pair_granularity_time"),
    CheckConstraint("seq >= 1", name="ck_candles_seq"),
    CheckConstraint("previous_seq >= 0 AND previous_seq < seq", name="ck_candles_previous_seq"),
)


# Input rows that were refused, with the reason and the text as it came.
REJECTED_CANDLES: Final = Table(
    "rejected_candles",
    METADATA,
    identity(),
    required("source", Text),
    required("line", Integer),
    required("reason", Text),
    required("raw", Text),
    required("pair", Text),
    UniqueConstraint("source", "pair", "line", "reason", name="uq_rejected_candles_source_pair_line_reason"),
)


# Spans without candles, each with its cause.
CANDLE_GAPS: Final = Table(
    "candle_gaps",
    METADATA,
    identity(),
    required("pair", Text),
    required("granularity", Granularity),
    required("from_time", UtcTime),
    required("to_time", UtcTime),
    required("missing_candles", Integer),
    required("kind", Text),
    UniqueConstraint("pair", "granularity", "from_time", "to_time", name="uq_candle_gaps_span"),
    CheckConstraint("missing_candles >= 0", name="ck_candle_gaps_missing_candles"),
    one_of("kind", GapKind, "ck_candle_gaps_kind"),
)


# What the strategy service said of each candle: the whole fact, for consumers that missed the message.
ASSESSMENTS: Final = Table(
    "assessments",
    METADATA,
    required("stream", Text),
    Column("seq", Identity, autoincrement=False, nullable=False),
    required("pair", Text),
    required("candle_time", UtcTime),
    required("strategy", Text),
    required("params_hash", Text),
    required("body_json", Text),
    PrimaryKeyConstraint("seq", name="pk_assessments"),
)


# One row per judged candle: all seven verdicts with value and limit.
GATE_SNAPSHOTS: Final = Table(
    "gate_snapshots",
    METADATA,
    identity(),
    required("ts_utc", UtcTime),
    required("pair", Text),
    required("strategy", Text),
    required("final_signal", Text),
    required("reason", Text),
    # Bit (number - 1) of every gate that failed, bit 7 for a hold: what a funnel counts.
    required("failed_gates", Integer),
    required("stream", Text),
    required("seq", BigInteger),
    required("granularity", Granularity),
    required("candle_time", UtcTime),
    required("verdicts_json", Text),
    required("indicators_json", Text),
    required("params_hash", Text),
    optional("params_version", BigInteger),
    UniqueConstraint("seq", name="uq_gate_snapshots_seq"),
    one_of("final_signal", tuple(SIDE_NAMES.values()), "ck_gate_snapshots_final_signal"),
    Index("ix_gate_snapshots_pair_candle_time", "pair", "candle_time"),
    # Lists of all tables are read newest first, from a time and a key on.
    Index("ix_gate_snapshots_candle_time", "candle_time", "seq"),
)
