"""The tables of the ledger: trades, positions, what happened to the account, days and equity."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from shared.contracts.vocabulary import QuotePurpose
from shared.core.types import EXIT_NAMES, STILL_OPEN
from shared.store.tables.metadata import METADATA, identity, one_of, optional, required
from shared.store.types import ExactDecimal, TradingDay, UtcTime

_STOPS_ON_THE_RIGHT_SIDE: Final = (
    "(side = 'BUY' AND CAST(stop_loss AS NUMERIC) < CAST(entry_price AS NUMERIC)"
    " AND CAST(entry_price AS NUMERIC) < CAST(take_profit AS NUMERIC))"
    " OR (side = 'SELL' AND CAST(take_profit AS NUMERIC) < CAST(entry_price AS NUMERIC)"
    " AND CAST(entry_price AS NUMERIC) < CAST(stop_loss AS NUMERIC))"
)

_CLOSED_IN_FULL: Final = (
    "(status = 'OPEN' AND exit_time IS NULL AND exit_price IS NULL AND exit_reason IS NULL"
    " AND pnl_pips IS NULL AND pnl IS NULL AND ambiguous IS NULL)"
    " OR (status = 'CLOSED' AND exit_time IS NOT NULL AND exit_price IS NOT NULL AND exit_reason IS NOT NULL"
    " AND pnl_pips IS NOT NULL AND pnl IS NOT NULL AND ambiguous IS NOT NULL)"
)

_EXITS: Final = tuple(name for number, name in enumerate(EXIT_NAMES) if number != STILL_OPEN)

# Every position from opening to close; a closed row never changes again.
TRADES: Final = Table(
    "trades",
    METADATA,
    Column("id", Text, primary_key=True, nullable=False),
    *required(BigInteger, "number"),
    *required(Text, "pair", "strategy", "side"),
    *required(BigInteger, "units"),
    *required(UtcTime, "entry_time"),
    *required(ExactDecimal, "entry_price", "stop_loss", "take_profit"),
    *required(UtcTime, "signal_time"),
    *required(ExactDecimal, "spread_cost", "slippage_cost"),
    *required(Text, "status"),
    *optional(UtcTime, "exit_time"),
    *optional(ExactDecimal, "exit_price"),
    *optional(Text, "exit_reason"),
    *optional(ExactDecimal, "pnl_pips", "pnl"),
    *optional(Boolean(create_constraint=False), "ambiguous"),
    UniqueConstraint("number", name="uq_trades_number"),
    CheckConstraint("number >= 1", name="ck_trades_number"),
    CheckConstraint("units >= 1", name="ck_trades_units"),
    one_of("exit_reason", _EXITS, "ck_trades_exit_reason"),
    CheckConstraint(_STOPS_ON_THE_RIGHT_SIDE, name="ck_trades_stops_on_the_right_side"),
    CheckConstraint(_CLOSED_IN_FULL, name="ck_trades_closed_in_full"),
    Index(
        "uq_trades_one_open_per_pair",
        "pair",
        unique=True,
        sqlite_where=text("status = 'OPEN'"),
        postgresql_where=text("status = 'OPEN'"),
    ),
    Index("ix_trades_entry_time", "entry_time", "number"),
    Index("ix_trades_pair_entry_time", "pair", "entry_time", "number"),
)

# The open positions at their latest mark, one per pair.
POSITIONS: Final = Table(
    "positions",
    METADATA,
    Column("trade_id", Text, ForeignKey("trades.id", name="fk_positions_trade_id"), primary_key=True, nullable=False),
    *required(Text, "pair", "strategy", "side"),
    *required(BigInteger, "units"),
    *required(UtcTime, "entry_time"),
    *required(ExactDecimal, "entry_price", "stop_loss", "take_profit"),
    *required(UtcTime, "mark_time"),
    *required(ExactDecimal, "mark_price", "unrealised_pnl"),
    UniqueConstraint("pair", name="uq_positions_pair"),
)

# What happened to the account: openings, closings, refusals, halts, in the order of the facts that caused them.
ACCOUNT_EVENTS: Final = Table(
    "account_events",
    METADATA,
    identity(),
    *required(Text, "stream"),
    *required(BigInteger, "seq"),
    *required(Text, "cause_stream"),
    *required(BigInteger, "cause_seq"),
    *required(UtcTime, "ts_utc"),
    *required(Text, "type"),
    *optional(Text, "pair"),
    *required(ExactDecimal, "balance", "equity"),
    *required(Text, "detail_json"),
    UniqueConstraint("stream", "seq", name="uq_account_events_stream_seq"),
    Index("ix_account_events_cause", "cause_stream", "cause_seq"),
)

# One row per trading day of the account.
DAILY_STATS: Final = Table(
    "daily_stats",
    METADATA,
    Column("trading_day", TradingDay, primary_key=True, autoincrement=False, nullable=False),
    *required(ExactDecimal, "start_equity", "end_equity", "realised_pnl"),
    *required(Integer, "trades", "wins", "losses"),
    *required(Double, "max_drawdown_ratio"),
    *required(Boolean(create_constraint=False), "halted"),
)

# The equity curve: balance and equity after every candle, and every quote, that changed one of them.
EQUITY: Final = Table(
    "equity",
    METADATA,
    identity(),
    *required(BigInteger, "seq"),
    *required(UtcTime, "ts_utc"),
    *required(ExactDecimal, "balance", "equity"),
    Index("ix_equity_ts_utc", "ts_utc", "id"),
)

# The prices that did something: they priced a live entry, reached a stop or target, or a command closed at them.
APPLIED_QUOTES: Final = Table(
    "applied_quotes",
    METADATA,
    identity(),
    *required(BigInteger, "seq"),
    *required(Text, "purpose", "pair"),
    *required(UtcTime, "ts_utc"),
    *required(ExactDecimal, "bid", "ask"),
    *optional(BigInteger, "command_id"),
    UniqueConstraint("seq", "purpose", "pair", name="uq_applied_quotes_seq_purpose_pair"),
    one_of("purpose", QuotePurpose, "ck_applied_quotes_purpose"),
)
