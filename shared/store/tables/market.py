"""The tables of the market: candles, and what was refused or is missing."""

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Double, Index, Integer, Table, Text, UniqueConstraint

from shared.contracts.vocabulary import GapKind
from shared.store.tables.metadata import METADATA, identity, one_of, required
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
