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
    *required(Text, "stream"),
    *required(BigInteger, "seq"),
    # The candle before it in its stream, 0 for none.
    *required(BigInteger, "previous_seq"),
    *required(Text, "pair"),
    *required(Granularity, "granularity"),
    *required(UtcTime, "time"),
    *required(ExactDecimal, "bid_open", "bid_high", "bid_low", "bid_close", "ask_open", "ask_high", "ask_low"),
    *required(ExactDecimal, "ask_close"),
    *required(Double, "volume"),
    UniqueConstraint("seq", name="uq_candles_seq"),
    UniqueConstraint("pair", "granularity", "time", name="uq_candles_pair_granularity_time"),
    # A strategy looks for the next candles of its own partition, and ingest for the last one.
    Index("ix_candles_stream_seq", "stream", "seq"),
    CheckConstraint("seq >= 1", name="ck_candles_seq"),
    CheckConstraint("previous_seq >= 0 AND previous_seq < seq", name="ck_candles_previous_seq"),
)

# Input rows that were refused, with the reason and the text as it came.
REJECTED_CANDLES: Final = Table(
    "rejected_candles",
    METADATA,
    identity(),
    *required(Text, "source"),
    *required(Integer, "line"),
    *required(Text, "reason", "raw", "pair"),
    UniqueConstraint("source", "pair", "line", "reason", name="uq_rejected_candles_source_pair_line_reason"),
)

# Spans without candles, each with its cause.
CANDLE_GAPS: Final = Table(
    "candle_gaps",
    METADATA,
    identity(),
    *required(Text, "pair"),
    *required(Granularity, "granularity"),
    *required(UtcTime, "from_time", "to_time"),
    *required(Integer, "missing_candles"),
    *required(Text, "kind"),
    UniqueConstraint("pair", "granularity", "from_time", "to_time", name="uq_candle_gaps_span"),
    Index("ix_candle_gaps_pair_from_time", "pair", "from_time"),
    Index("ix_candle_gaps_from_time", "from_time"),
    CheckConstraint("missing_candles >= 0", name="ck_candle_gaps_missing_candles"),
    one_of("kind", GapKind, "ck_candle_gaps_kind"),
)

# What the strategy service said of each candle: the whole fact, for consumers that missed the message.
ASSESSMENTS: Final = Table(
    "assessments",
    METADATA,
    *required(Text, "stream"),
    Column("seq", Identity, autoincrement=False, nullable=False),
    *required(Text, "pair"),
    *required(UtcTime, "candle_time"),
    *required(Text, "strategy", "params_hash", "body_json"),
    PrimaryKeyConstraint("seq", name="pk_assessments"),
)

# One row per judged candle: all seven verdicts with value and limit.
GATE_SNAPSHOTS: Final = Table(
    "gate_snapshots",
    METADATA,
    identity(),
    *required(UtcTime, "ts_utc"),
    *required(Text, "pair", "strategy", "final_signal", "reason"),
    # Bit (number - 1) of every gate that failed, bit 7 for a hold: what a funnel counts.
    *required(Integer, "failed_gates"),
    *required(Text, "stream"),
    *required(BigInteger, "seq"),
    *required(Granularity, "granularity"),
    *required(UtcTime, "candle_time"),
    *required(Text, "verdicts_json", "indicators_json", "params_hash"),
    *optional(BigInteger, "params_version"),
    UniqueConstraint("seq", name="uq_gate_snapshots_seq"),
    one_of("final_signal", tuple(SIDE_NAMES.values()), "ck_gate_snapshots_final_signal"),
    Index("ix_gate_snapshots_pair_candle_time", "pair", "candle_time"),
    # Lists of all tables are read newest first, from a time and a key on.
    Index("ix_gate_snapshots_candle_time", "candle_time", "seq"),
)
