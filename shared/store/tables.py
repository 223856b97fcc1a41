"""The tables as they should be; the migrations lead there, and a test compares the two.

Prices and money are exact decimals, times UTC, closed sets are written by name, so that plain SQL is readable.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from shared.core.types import EXIT_NAMES, KILL_SWITCH, OPERATOR_CLOSE, REASON_NAMES, SIDE_NAMES, STILL_OPEN
from shared.store.clock import DatabaseClock
from shared.store.triggers import attach_triggers
from shared.store.types import ExactDecimal, TradingDay, UtcInstant, UtcTime

ENTRY: Final = "entry"
EXIT: Final = "exit"
QUOTE_PURPOSES: Final = (ENTRY, EXIT, EXIT_NAMES[OPERATOR_CLOSE], EXIT_NAMES[KILL_SWITCH])
GAP_KINDS: Final = ("weekend", "no_ticks", "outage", "backfilled")

METADATA: Final = MetaData()

_Identity: Final = BigInteger().with_variant(Integer(), "sqlite")


def _required(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _optional(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=True)


def _identity() -> Column[int]:
    return Column("id", _Identity, primary_key=True, autoincrement=True)


def _one_of(column: str, names: tuple[str, ...], constraint: str) -> CheckConstraint:
    listed = ", ".join(f"'{name}'" for name in names)
    return CheckConstraint(f"{column} IN ({listed})", name=constraint)


# Market data.

# Every closed candle at its place among all, without gaps; the stream names the partition that judges it.
CANDLES: Final = Table(
    "candles",
    METADATA,
    _identity(),
    _required("stream", Text),
    _required("seq", BigInteger),
    # The candle before it in its stream, 0 for none.
    _required("previous_seq", BigInteger),
    _required("pair", Text),
    _required("granularity", Text),
    _required("time", UtcTime),
    _required("bid_open", ExactDecimal),
    _required("bid_high", ExactDecimal),
    _required("bid_low", ExactDecimal),
    _required("bid_close", ExactDecimal),
    _required("ask_open", ExactDecimal),
    _required("ask_high", ExactDecimal),
    _required("ask_low", ExactDecimal),
    _required("ask_close", ExactDecimal),
    _required("volume", Double),
    UniqueConstraint("seq", name="uq_candles_seq"),
    UniqueConstraint("pair", "granularity", "time", name="uq_candles_pair_granularity_time"),
    CheckConstraint("seq >= 1", name="ck_candles_seq"),
    CheckConstraint("previous_seq >= 0 AND previous_seq < seq", name="ck_candles_previous_seq"),
)

# Input rows that were refused, with the reason and the text as it came.
REJECTED_CANDLES: Final = Table(
    "rejected_candles",
    METADATA,
    _identity(),
    _required("source", Text),
    _required("line", Integer),
    _required("reason", Text),
    _required("raw", Text),
    _required("pair", Text),
    UniqueConstraint("source", "pair", "line", "reason", name="uq_rejected_candles_source_pair_line_reason"),
)

# Spans without candles, each with its cause.
CANDLE_GAPS: Final = Table(
    "candle_gaps",
    METADATA,
    _identity(),
    _required("pair", Text),
    _required("granularity", Text),
    _required("from_time", UtcTime),
    _required("to_time", UtcTime),
    _required("missing_candles", Integer),
    _required("kind", Text),
    UniqueConstraint("pair", "granularity", "from_time", "to_time", name="uq_candle_gaps_span"),
    CheckConstraint("missing_candles >= 0", name="ck_candle_gaps_missing_candles"),
    _one_of("kind", GAP_KINDS, "ck_candle_gaps_kind"),
)

# What the strategy service said of each candle: the whole fact, for consumers that missed the message.
ASSESSMENTS: Final = Table(
    "assessments",
    METADATA,
    _required("stream", Text),
    Column("seq", _Identity, autoincrement=False, nullable=False),
    _required("pair", Text),
    _required("candle_time", UtcTime),
    _required("strategy", Text),
    _required("params_hash", Text),
    _required("body_json", Text),
    PrimaryKeyConstraint("seq", name="pk_assessments"),
)

# One row per judged candle: all seven verdicts with value and limit.
GATE_SNAPSHOTS: Final = Table(
    "gate_snapshots",
    METADATA,
    _identity(),
    _required("ts_utc", UtcTime),
    _required("pair", Text),
    _required("strategy", Text),
    _required("final_signal", Text),
    _required("reason", Text),
    # Bit (number - 1) of every gate that failed, bit 7 for a hold: what a funnel counts.
    _required("failed_gates", Integer),
    _required("stream", Text),
    _required("seq", BigInteger),
    _required("granularity", Text),
    _required("candle_time", UtcTime),
    _required("verdicts_json", Text),
    _required("indicators_json", Text),
    _required("params_hash", Text),
    _optional("params_version", BigInteger),
    UniqueConstraint("seq", name="uq_gate_snapshots_seq"),
    _one_of("final_signal", tuple(SIDE_NAMES.values()), "ck_gate_snapshots_final_signal"),
    Index("ix_gate_snapshots_pair_candle_time", "pair", "candle_time"),
)

# The ledger.

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
    _required("number", BigInteger),
    _required("pair", Text),
    _required("strategy", Text),
    _required("side", Text),
    _required("units", BigInteger),
    _required("entry_time", UtcTime),
    _required("entry_price", ExactDecimal),
    _required("stop_loss", ExactDecimal),
    _required("take_profit", ExactDecimal),
    _required("signal_time", UtcTime),
    _required("spread_cost", ExactDecimal),
    _required("slippage_cost", ExactDecimal),
    _required("status", Text),
    _optional("exit_time", UtcTime),
    _optional("exit_price", ExactDecimal),
    _optional("exit_reason", Text),
    _optional("pnl_pips", ExactDecimal),
    _optional("pnl", ExactDecimal),
    _optional("ambiguous", Boolean(create_constraint=False)),
    UniqueConstraint("number", name="uq_trades_number"),
    CheckConstraint("number >= 1", name="ck_trades_number"),
    CheckConstraint("units >= 1", name="ck_trades_units"),
    _one_of("exit_reason", _EXITS, "ck_trades_exit_reason"),
    CheckConstraint(_STOPS_ON_THE_RIGHT_SIDE, name="ck_trades_stops_on_the_right_side"),
    CheckConstraint(_CLOSED_IN_FULL, name="ck_trades_closed_in_full"),
    Index(
        "uq_trades_one_open_per_pair",
        "pair",
        unique=True,
        sqlite_where=text("status = 'OPEN'"),
        postgresql_where=text("status = 'OPEN'"),
    ),
)

# The open positions at their latest mark, one per pair.
POSITIONS: Final = Table(
    "positions",
    METADATA,
    Column("trade_id", Text, ForeignKey("trades.id", name="fk_positions_trade_id"), primary_key=True, nullable=False),
    _required("pair", Text),
    _required("strategy", Text),
    _required("side", Text),
    _required("units", BigInteger),
    _required("entry_time", UtcTime),
    _required("entry_price", ExactDecimal),
    _required("stop_loss", ExactDecimal),
    _required("take_profit", ExactDecimal),
    _required("mark_time", UtcTime),
    _required("mark_price", ExactDecimal),
    _required("unrealised_pnl", ExactDecimal),
    UniqueConstraint("pair", name="uq_positions_pair"),
)

# What happened to the account: openings, closings, refusals, halts, in the order of the facts that caused them.
ACCOUNT_EVENTS: Final = Table(
    "account_events",
    METADATA,
    _identity(),
    _required("stream", Text),
    _required("seq", BigInteger),
    _required("cause_stream", Text),
    _required("cause_seq", BigInteger),
    _required("ts_utc", UtcTime),
    _required("type", Text),
    _optional("pair", Text),
    _required("balance", ExactDecimal),
    _required("equity", ExactDecimal),
    _required("detail_json", Text),
    UniqueConstraint("stream", "seq", name="uq_account_events_stream_seq"),
    Index("ix_account_events_cause", "cause_stream", "cause_seq"),
)

# One row per trading day of the account.
DAILY_STATS: Final = Table(
    "daily_stats",
    METADATA,
    Column("trading_day", TradingDay, primary_key=True, autoincrement=False, nullable=False),
    _required("start_equity", ExactDecimal),
    _required("end_equity", ExactDecimal),
    _required("realised_pnl", ExactDecimal),
    _required("trades", Integer),
    _required("wins", Integer),
    _required("losses", Integer),
    _required("max_drawdown_ratio", Double),
    _required("halted", Boolean(create_constraint=False)),
)

# The equity curve: balance and equity after every candle, and every quote, that changed one of them.
EQUITY: Final = Table(
    "equity",
    METADATA,
    _identity(),
    _required("seq", BigInteger),
    _required("ts_utc", UtcTime),
    _required("balance", ExactDecimal),
    _required("equity", ExactDecimal),
)

# The prices that did something: they priced a live entry, reached a stop or target, or a command closed at them.
APPLIED_QUOTES: Final = Table(
    "applied_quotes",
    METADATA,
    _identity(),
    _required("seq", BigInteger),
    _required("purpose", Text),
    _required("pair", Text),
    _required("ts_utc", UtcTime),
    _required("bid", ExactDecimal),
    _required("ask", ExactDecimal),
    _optional("command_id", BigInteger),
    UniqueConstraint("seq", "purpose", "pair", name="uq_applied_quotes_seq_purpose_pair"),
    _one_of("purpose", QUOTE_PURPOSES, "ck_applied_quotes_purpose"),
)

# Who did what. The hash covers the stored characters, therefore the time is text on every database.
AUDIT_LOG: Final = Table(
    "audit_log",
    METADATA,
    Column("id", _Identity, primary_key=True, autoincrement=False, nullable=False),
    _required("ts_utc", Text),
    _required("actor", Text),
    _required("action", Text),
    _optional("command_id", BigInteger),
    _required("detail_json", Text),
    _required("prev_hash", Text),
    _required("hash", Text),
)

# The services' own state: settings first, every version of them.
SETTINGS: Final = Table(
    "settings",
    METADATA,
    _required("name", Text),
    _required("version", Integer),
    _required("body_json", Text),
    _required("ts_utc", UtcTime),
    PrimaryKeyConstraint("name", "version", name="pk_settings"),
)

# How far a consumer has handled a stream.
CURSORS: Final = Table(
    "cursors",
    METADATA,
    _required("consumer", Text),
    _required("stream", Text),
    _required("seq", BigInteger),
    PrimaryKeyConstraint("consumer", "stream", name="pk_cursors"),
)

# The state of a service after the fact `seq`.
SNAPSHOTS: Final = Table(
    "snapshots",
    METADATA,
    _required("service", Text),
    _required("key", Text),
    _required("seq", BigInteger),
    _required("body_json", Text),
    PrimaryKeyConstraint("service", "key", name="pk_snapshots"),
)

# Messages that were decided together with their effect and are sent after the commit.
OUTBOX: Final = Table(
    "outbox",
    METADATA,
    _identity(),
    _required("message_id", Text),
    _required("type", Text),
    _required("version", Integer),
    _required("routing_key", Text),
    _required("pair", Text),
    _required("stream", Text),
    _required("seq", BigInteger),
    _required("occurred_at", UtcTime),
    _required("correlation_id", Text),
    _optional("causation_id", Text),
    _required("producer", Text),
    _required("body", Text),
    _optional("sent_at", UtcTime),
    # By the database's clock, and left to it: a replayed fact may have occurred years ago.
    Column("staged_at", UtcInstant, nullable=False, server_default=DatabaseClock()),
    UniqueConstraint("message_id", name="uq_outbox_message_id"),
    Index(
        "ix_outbox_unsent",
        "id",
        sqlite_where=text("sent_at IS NULL"),
        postgresql_where=text("sent_at IS NULL"),
    ),
    Index(
        "ix_outbox_sent",
        "sent_at",
        sqlite_where=text("sent_at IS NOT NULL"),
        postgresql_where=text("sent_at IS NOT NULL"),
    ),
)

# Who may write, until when, by the database's clock; the epoch counts the changes of the holder.
LEASES: Final = Table(
    "leases",
    METADATA,
    Column("name", Text, primary_key=True, nullable=False),
    _required("holder", Text),
    _required("epoch", BigInteger),
    _required("expires_at", UtcInstant),
    # On PostgreSQL only a change of a unique column waits for those who share the row's key: a new holder waits for the
    # transactions that lean on the lease, and the renewal by its holder does not.
    UniqueConstraint("name", "epoch", name="uq_leases_name_epoch"),
    CheckConstraint("epoch >= 1", name="ck_leases_epoch"),
)

# The last sign of life of every process of a service, by the database's clock.
SERVICE_HEARTBEATS: Final = Table(
    "service_heartbeats",
    METADATA,
    _required("service", Text),
    _required("instance", Text),
    _required("seen_at", UtcInstant),
    _required("detail_json", Text),
    PrimaryKeyConstraint("service", "instance", name="pk_service_heartbeats"),
)

attach_triggers(METADATA)

REASON_OF_NAME: Final = {name: number for number, name in enumerate(REASON_NAMES)}
EXIT_OF_NAME: Final = {name: number for number, name in enumerate(EXIT_NAMES)}
SIDE_OF_NAME: Final = {name: side for side, name in SIDE_NAMES.items()}
