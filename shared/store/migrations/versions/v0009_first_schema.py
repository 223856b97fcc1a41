"""The first schema: market data, ledger, commands, the audit chain, users, and the services' own state."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from shared.store.clock import DatabaseClock
from shared.store.tables.metadata import Identity, identity, optional, required
from shared.store.triggers import POSTGRESQL_TRIGGERS, SQLITE_TRIGGERS
from shared.store.types import ExactDecimal, TradingDay, UtcInstant, UtcTime, WrittenTime

# Its number follows those of the drafts before the first release, which no way leads from: see ADR 0024.
revision: Final = "0009"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None

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
_ENDED_IN_FULL: Final = (
    "(ended_seq IS NULL AND ended_ts_utc IS NULL AND ended_by IS NULL)"
    " OR (ended_seq >= since_seq AND ended_ts_utc IS NOT NULL AND ended_by IS NOT NULL)"
)
_EXIT_REASONS: Final = (
    "exit_reason IN ('stop_loss', 'take_profit', 'time_exit', 'daily_halt', 'operator_close', 'kill_switch')"
)


def upgrade() -> None:
    """Create every table, its indexes and the triggers."""
    _create_market_data()
    _create_judgements()
    _create_trades()
    _create_account()
    _create_commands()
    _create_runtime()
    _create_exchange()
    _create_users()
    for statement in SQLITE_TRIGGERS if op.get_bind().dialect.name == "sqlite" else POSTGRESQL_TRIGGERS:
        op.execute(statement)


def _create_market_data() -> None:
    op.create_table(
        "candles",
        identity(),
        *required(sa.Text, "stream"),
        *required(sa.BigInteger, "seq", "previous_seq"),
        *required(sa.Text, "pair", "granularity"),
        *required(UtcTime, "time"),
        *required(ExactDecimal, "bid_open", "bid_high", "bid_low", "bid_close"),
        *required(ExactDecimal, "ask_open", "ask_high", "ask_low", "ask_close"),
        *required(sa.Double, "volume"),
        sa.UniqueConstraint("seq", name="uq_candles_seq"),
        sa.UniqueConstraint("pair", "granularity", "time", name="uq_candles_pair_granularity_time"),
        sa.CheckConstraint("seq >= 1", name="ck_candles_seq"),
        sa.CheckConstraint("previous_seq >= 0 AND previous_seq < seq", name="ck_candles_previous_seq"),
    )
    op.create_table(
        "rejected_candles",
        identity(),
        *required(sa.Text, "source"),
        *required(sa.Integer, "line"),
        *required(sa.Text, "reason", "raw", "pair"),
        sa.UniqueConstraint("source", "pair", "line", "reason", name="uq_rejected_candles_source_pair_line_reason"),
    )
    op.create_table(
        "candle_gaps",
        identity(),
        *required(sa.Text, "pair", "granularity"),
        *required(UtcTime, "from_time", "to_time"),
        *required(sa.Integer, "missing_candles"),
        *required(sa.Text, "kind"),
        sa.UniqueConstraint("pair", "granularity", "from_time", "to_time", name="uq_candle_gaps_span"),
        sa.CheckConstraint("missing_candles >= 0", name="ck_candle_gaps_missing_candles"),
        sa.CheckConstraint("kind IN ('weekend', 'no_ticks', 'outage', 'backfilled')", name="ck_candle_gaps_kind"),
    )


def _create_judgements() -> None:
    op.create_table(
        "assessments",
        *required(sa.Text, "stream"),
        sa.Column("seq", Identity, autoincrement=False, nullable=False),
        *required(sa.Text, "pair"),
        *required(UtcTime, "candle_time"),
        *required(sa.Text, "strategy", "params_hash", "body_json"),
        sa.PrimaryKeyConstraint("seq", name="pk_assessments"),
    )
    op.create_table(
        "gate_snapshots",
        identity(),
        *required(UtcTime, "ts_utc"),
        *required(sa.Text, "pair", "strategy", "final_signal", "reason"),
        *required(sa.Integer, "failed_gates"),
        *required(sa.Text, "stream"),
        *required(sa.BigInteger, "seq"),
        *required(sa.Text, "granularity"),
        *required(UtcTime, "candle_time"),
        *required(sa.Text, "verdicts_json", "indicators_json", "params_hash"),
        *optional(sa.BigInteger, "params_version"),
        sa.UniqueConstraint("seq", name="uq_gate_snapshots_seq"),
        sa.CheckConstraint("final_signal IN ('BUY', 'SELL', 'NONE')", name="ck_gate_snapshots_final_signal"),
        sa.Index("ix_gate_snapshots_candle_time", "candle_time", "seq"),
        sa.Index("ix_gate_snapshots_pair_candle_time", "pair", "candle_time"),
    )


def _create_trades() -> None:
    op.create_table(
        "trades",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        *required(sa.BigInteger, "number"),
        *required(sa.Text, "pair", "strategy", "side"),
        *required(sa.BigInteger, "units"),
        *required(UtcTime, "entry_time"),
        *required(ExactDecimal, "entry_price", "stop_loss", "take_profit"),
        *required(UtcTime, "signal_time"),
        *required(ExactDecimal, "spread_cost", "slippage_cost"),
        *required(sa.Text, "status"),
        *optional(UtcTime, "exit_time"),
        *optional(ExactDecimal, "exit_price"),
        *optional(sa.Text, "exit_reason"),
        *optional(ExactDecimal, "pnl_pips", "pnl"),
        *optional(sa.Boolean, "ambiguous"),
        sa.UniqueConstraint("number", name="uq_trades_number"),
        sa.CheckConstraint("number >= 1", name="ck_trades_number"),
        sa.CheckConstraint("units >= 1", name="ck_trades_units"),
        sa.CheckConstraint(_EXIT_REASONS, name="ck_trades_exit_reason"),
        sa.CheckConstraint(_STOPS_ON_THE_RIGHT_SIDE, name="ck_trades_stops_on_the_right_side"),
        sa.CheckConstraint(_CLOSED_IN_FULL, name="ck_trades_closed_in_full"),
        sa.Index("ix_trades_entry_time", "entry_time", "number"),
        sa.Index("ix_trades_pair_entry_time", "pair", "entry_time", "number"),
        sa.Index("uq_trades_one_open_per_pair", "pair", unique=True, **_where("status = 'OPEN'")),
    )
    op.create_table(
        "positions",
        sa.Column(
            "trade_id",
            sa.Text,
            sa.ForeignKey("trades.id", name="fk_positions_trade_id"),
            primary_key=True,
            nullable=False,
        ),
        *required(sa.Text, "pair", "strategy", "side"),
        *required(sa.BigInteger, "units"),
        *required(UtcTime, "entry_time"),
        *required(ExactDecimal, "entry_price", "stop_loss", "take_profit"),
        *required(UtcTime, "mark_time"),
        *required(ExactDecimal, "mark_price", "unrealised_pnl"),
        sa.UniqueConstraint("pair", name="uq_positions_pair"),
    )


def _create_account() -> None:
    op.create_table(
        "account_events",
        identity(),
        *required(sa.Text, "stream"),
        *required(sa.BigInteger, "seq"),
        *required(sa.Text, "cause_stream"),
        *required(sa.BigInteger, "cause_seq"),
        *required(UtcTime, "ts_utc"),
        *required(sa.Text, "type"),
        *optional(sa.Text, "pair"),
        *required(ExactDecimal, "balance", "equity"),
        *required(sa.Text, "detail_json"),
        sa.UniqueConstraint("stream", "seq", name="uq_account_events_stream_seq"),
        sa.Index("ix_account_events_cause", "cause_stream", "cause_seq"),
    )
    op.create_table(
        "daily_stats",
        sa.Column("trading_day", TradingDay, primary_key=True, autoincrement=False, nullable=False),
        *required(ExactDecimal, "start_equity", "end_equity", "realised_pnl"),
        *required(sa.Integer, "trades", "wins", "losses"),
        *required(sa.Double, "max_drawdown_ratio"),
        *required(sa.Boolean, "halted"),
    )
    op.create_table(
        "equity",
        identity(),
        *required(sa.BigInteger, "seq"),
        *required(UtcTime, "ts_utc"),
        *required(ExactDecimal, "balance", "equity"),
        sa.Index("ix_equity_ts_utc", "ts_utc", "id"),
    )
    op.create_table(
        "applied_quotes",
        identity(),
        *required(sa.BigInteger, "seq"),
        *required(sa.Text, "purpose", "pair"),
        *required(UtcTime, "ts_utc"),
        *required(ExactDecimal, "bid", "ask"),
        *optional(sa.BigInteger, "command_id"),
        sa.UniqueConstraint("seq", "purpose", "pair", name="uq_applied_quotes_seq_purpose_pair"),
        sa.CheckConstraint(
            "purpose IN ('entry', 'exit', 'operator_close', 'kill_switch')", name="ck_applied_quotes_purpose"
        ),
    )


def _create_commands() -> None:
    op.create_table(
        "commands",
        identity(),
        *required(WrittenTime, "created_ts_utc"),
        *required(sa.Text, "actor", "type", "payload_json", "status"),
        *optional(sa.Text, "idempotency_key", "result_json"),
        *optional(WrittenTime, "expires_ts_utc"),
        *optional(sa.Text, "claimed_by"),
        *optional(WrittenTime, "started_ts_utc", "finished_ts_utc"),
        sa.UniqueConstraint("type", "idempotency_key", name="uq_commands_type_idempotency_key"),
        sa.CheckConstraint(
            "status IN ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'SKIPPED')", name="ck_commands_status"
        ),
        sa.Index("ix_commands_unfinished", "id", **_where("status IN ('PENDING', 'RUNNING')")),
    )
    op.create_table(
        "holds",
        identity(),
        *required(sa.Text, "scope", "kind", "actor"),
        *required(UtcTime, "since_ts_utc"),
        *required(sa.BigInteger, "since_seq"),
        *optional(sa.BigInteger, "command_id"),
        *optional(UtcTime, "ended_ts_utc"),
        *optional(sa.BigInteger, "ended_seq"),
        *optional(sa.Text, "ended_by"),
        *optional(sa.BigInteger, "ended_command_id"),
        sa.CheckConstraint("kind IN ('pause', 'kill_switch')", name="ck_holds_kind"),
        sa.CheckConstraint(_ENDED_IN_FULL, name="ck_holds_ended_in_full"),
        sa.Index("uq_holds_one_in_force", "scope", "kind", unique=True, **_where("ended_seq IS NULL")),
    )
    op.create_table(
        "strategy_params",
        sa.Column("version", Identity, primary_key=True, autoincrement=False, nullable=False),
        *required(sa.Text, "section", "body_json", "hash", "actor"),
        *required(UtcTime, "created_ts_utc"),
        *optional(UtcTime, "activated_ts_utc"),
        *optional(sa.BigInteger, "activated_command_id"),
        sa.CheckConstraint("version >= 1", name="ck_strategy_params_version"),
        sa.Index("ix_strategy_params_section", "section", "version"),
    )


def _create_runtime() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", Identity, primary_key=True, autoincrement=False, nullable=False),
        *required(sa.Text, "ts_utc", "actor", "action"),
        *optional(sa.BigInteger, "command_id"),
        *required(sa.Text, "detail_json", "prev_hash", "hash"),
        sa.Index("ix_audit_log_command_id", "command_id", **_where("command_id IS NOT NULL")),
        sa.Index("ix_audit_log_ts_utc", "ts_utc", "id"),
    )
    op.create_table(
        "settings",
        *required(sa.Text, "name"),
        *required(sa.Integer, "version"),
        *required(sa.Text, "body_json"),
        *required(UtcTime, "ts_utc"),
        sa.PrimaryKeyConstraint("name", "version", name="pk_settings"),
    )
    op.create_table(
        "cursors",
        *required(sa.Text, "consumer", "stream"),
        *required(sa.BigInteger, "seq"),
        sa.PrimaryKeyConstraint("consumer", "stream", name="pk_cursors"),
    )
    op.create_table(
        "snapshots",
        *required(sa.Text, "service", "key"),
        *required(sa.BigInteger, "seq"),
        *required(sa.Text, "body_json"),
        sa.PrimaryKeyConstraint("service", "key", name="pk_snapshots"),
    )


def _create_exchange() -> None:
    op.create_table(
        "outbox",
        identity(),
        *required(sa.Text, "message_id", "type"),
        *required(sa.Integer, "version"),
        *required(sa.Text, "routing_key", "pair", "stream"),
        *required(sa.BigInteger, "seq"),
        *required(UtcTime, "occurred_at"),
        *required(sa.Text, "correlation_id"),
        *optional(sa.Text, "causation_id"),
        *required(sa.Text, "producer", "body"),
        *optional(UtcTime, "sent_at"),
        sa.Column("staged_at", UtcInstant, nullable=False, server_default=DatabaseClock()),
        sa.UniqueConstraint("message_id", name="uq_outbox_message_id"),
        sa.Index("ix_outbox_sent", "sent_at", **_where("sent_at IS NOT NULL")),
        sa.Index("ix_outbox_unsent", "id", **_where("sent_at IS NULL")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        *required(sa.Text, "holder"),
        *required(sa.BigInteger, "epoch"),
        *required(UtcInstant, "expires_at"),
        sa.UniqueConstraint("name", "epoch", name="uq_leases_name_epoch"),
        sa.CheckConstraint("epoch >= 1", name="ck_leases_epoch"),
    )
    op.create_table(
        "service_heartbeats",
        *required(sa.Text, "service", "instance"),
        *required(UtcInstant, "seen_at"),
        *required(sa.Text, "detail_json"),
        sa.PrimaryKeyConstraint("service", "instance", name="pk_service_heartbeats"),
    )


def _create_users() -> None:
    op.create_table(
        "users",
        identity(),
        *required(sa.Text, "name", "role", "password_hash"),
        *required(sa.Boolean, "disabled"),
        *required(UtcInstant, "created_at"),
        sa.UniqueConstraint("name", name="uq_users_name"),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'admin')", name="ck_users_role"),
        sa.CheckConstraint("password_hash LIKE '$argon2id$%'", name="ck_users_password_hash"),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.Text, primary_key=True, nullable=False),
        *required(sa.Text, "id"),
        sa.Column("user_id", Identity, sa.ForeignKey("users.id", name="fk_sessions_user_id"), nullable=False),
        *required(sa.Text, "csrf_token", "address"),
        *required(UtcInstant, "created_at", "confirmed_until", "idle_at", "expires_at"),
        *optional(UtcInstant, "revoked_at"),
        sa.UniqueConstraint("id", name="uq_sessions_id"),
        sa.CheckConstraint("length(token_hash) = 64", name="ck_sessions_token_hash"),
        sa.Index("ix_sessions_expires_at", "expires_at"),
        sa.Index("ix_sessions_user_id", "user_id"),
    )
    op.create_table(
        "login_attempts",
        sa.Column("subject", sa.Text, primary_key=True, nullable=False),
        *required(sa.BigInteger, "tries"),
        *required(UtcInstant, "last_at", "wait_until"),
    )


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
