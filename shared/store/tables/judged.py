"""The tables of judgement: what the market said of each candle, what all gates said, and what that was judged by.

What is alike in very many rows, such as a hash of parameters or a limit in words, is written once and referred to.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Double, Index, Integer, PrimaryKeyConstraint, Table, Text, UniqueConstraint

from shared.core.types import GATE_NAMES, PRICE_NAMES, SIDE_NAMES, Readings
from shared.store.tables.metadata import METADATA, Identity, identity, one_of, optional, required
from shared.store.types import ExactDecimal, Granularity, TradingDay, UtcTime

# The figures of every strategy by name, and up to six of its own, which it names.
FIGURES: Final = ("atr", "atr_median", "adx")
READINGS: Final = tuple(f"reading_{place}" for place in range(1, len(Readings._fields) + 1))
READING_NAMES: Final = tuple(f"{column}_name" for column in READINGS)
# The gates that the market alone decides about and that can fail for several reasons.
MARKET_REASONS: Final = ("session_reason", "spread_reason", "news_reason", "market_state_reason")
GATE_VALUES: Final = tuple(f"{gate}_value" for gate in GATE_NAMES)
GATE_REASONS: Final = tuple(f"{gate}_reason" for gate in GATE_NAMES)
GATE_LIMITS: Final = tuple(f"{gate}_limit" for gate in GATE_NAMES)

# Under which parameters the strategy service assessed; NULL is the version that the run was begun with.
ASSESSED_BY: Final = Table(
    "assessed_by",
    METADATA,
    identity(),
    *required(Text, "stream", "pair"),
    *required(Granularity, "granularity"),
    *required(Text, "strategy", "params_hash"),
    *optional(BigInteger, "params_version"),
    Index("ix_assessed_by_params_hash", "params_hash"),
)

# What the strategy service said of each candle: the whole fact, for consumers that missed the message. NULL is a reason
# where the gate passed, a figure that was not valid yet, and a candle before it that is the one before it of all.
ASSESSMENTS: Final = Table(
    "assessments",
    METADATA,
    Column("seq", Identity, autoincrement=False, nullable=False),
    *optional(BigInteger, "previous_seq"),
    *required(BigInteger, "assessed_by_id"),
    *required(UtcTime, "candle_time"),
    *required(ExactDecimal, *PRICE_NAMES),
    *required(Double, "volume"),
    *required(TradingDay, "trading_day"),
    *optional(Text, *MARKET_REASONS),
    *required(Text, "signal", "market_state"),
    *required(BigInteger, "spread_points"),
    *optional(Double, *FIGURES, *READINGS),
    *optional(Text, "news_title", "news_currency"),
    *optional(Double, "news_minutes"),
    PrimaryKeyConstraint("seq", name="pk_assessments"),
)

# What the gates were asked by: the parameters, their limits in words, and the names of the strategy's own figures.
JUDGED_BY: Final = Table(
    "judged_by",
    METADATA,
    identity(),
    *required(Text, "stream", "pair"),
    *required(Granularity, "granularity"),
    *required(Text, "strategy", "params_hash"),
    *optional(BigInteger, "params_version"),
    *required(Text, *GATE_LIMITS),
    *optional(Text, *READING_NAMES),
    Index("ix_judged_by_params_hash", "params_hash"),
)

# One row per judged candle: all seven verdicts with their values; a gate that passed has no reason.
GATE_SNAPSHOTS: Final = Table(
    "gate_snapshots",
    METADATA,
    identity(),
    *required(UtcTime, "ts_utc"),
    *required(Text, "pair", "strategy", "final_signal", "reason"),
    # Bit (number - 1) of every gate that failed, bit 7 for a hold: what a funnel counts.
    *required(Integer, "failed_gates"),
    *required(BigInteger, "seq"),
    *required(UtcTime, "candle_time"),
    *required(BigInteger, "judged_by_id"),
    *required(Text, *GATE_VALUES),
    *optional(Text, *GATE_REASONS),
    UniqueConstraint("seq", name="uq_gate_snapshots_seq"),
    one_of("final_signal", tuple(SIDE_NAMES.values()), "ck_gate_snapshots_final_signal"),
    Index("ix_gate_snapshots_pair_candle_time", "pair", "candle_time"),
    # Lists of all tables are read newest first, from a time and a key on.
    Index("ix_gate_snapshots_candle_time", "candle_time", "seq"),
)
