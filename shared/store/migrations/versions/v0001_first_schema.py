"""The first schema: market data, ledger, audit chain and the services' own state."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from shared.store.types import ExactDecimal, TradingDay, UtcTime

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None

_Identity: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
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
_SQLITE_TRIGGERS: Final = (
    """CREATE TRIGGER audit_log_refuses_update BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END""",
    """CREATE TRIGGER audit_log_refuses_delete BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END""",
    """CREATE TRIGGER audit_log_refuses_replace BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END""",
    """CREATE TRIGGER trades_refuses_update BEFORE UPDATE ON trades WHEN OLD.status = 'CLOSED'
BEGIN SELECT RAISE(ABORT, 'a closed trade cannot be changed'); END""",
    """CREATE TRIGGER trades_refuses_delete BEFORE DELETE ON trades WHEN OLD.status = 'CLOSED'
BEGIN SELECT RAISE(ABORT, 'a closed trade cannot be changed'); END""",
    """CREATE TRIGGER trades_refuses_replace BEFORE INSERT ON trades
WHEN EXISTS (SELECT 1 FROM trades WHERE status = 'CLOSED' AND (id = NEW.id OR number = NEW.number))
BEGIN SELECT RAISE(ABORT, 'a closed trade cannot be changed'); END""",
)

_POSTGRESQL_TRIGGERS: Final = (
    """CREATE FUNCTION refuse_audit_log_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    """CREATE TRIGGER audit_log_refuses_change BEFORE UPDATE OR DELETE ON audit_log
FOR EACH ROW EXECUTE FUNCTION refuse_audit_log_change()""",
    """CREATE TRIGGER audit_log_refuses_truncate BEFORE TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_log_change()""",
    """CREATE FUNCTION refuse_closed_trade_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a closed trade cannot be changed' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    """CREATE TRIGGER trades_refuses_change BEFORE UPDATE OR DELETE ON trades
FOR EACH ROW WHEN (OLD.status = 'CLOSED') EXECUTE FUNCTION refuse_closed_trade_change()""",
    """CREATE TRIGGER trades_refuses_truncate BEFORE TRUNCATE ON trades
FOR EACH STATEMENT EXECUTE FUNCTION refuse_closed_trade_change()""",
)


def upgrade() -> None:
    """Create every table of the first schema, its indices and its triggers."""
    _create_market_data()
    _create_judgements()
    _create_trades()
    _create_account()
    _create_runtime()
    _create_outbox()
    dialect = op.get_bind().dialect.name
    for statement in _SQLITE_TRIGGERS if dialect == "sqlite" else _POSTGRESQL_TRIGGERS:
        op.execute(statement)


def _create_market_data() -> None:
    op.create_table(
        "candles",
        _identity(),
        _required("stream", sa.Text),
        _required("seq", sa.BigInteger),
        _required("pair", sa.Text),
        _required("granularity", sa.Text),
        _required("time", UtcTime),
        _required("bid_open", ExactDecimal),
        _required("bid_high", ExactDecimal),
        _required("bid_low", ExactDecimal),
        _required("bid_close", ExactDecimal),
        _required("ask_open", ExactDecimal),
        _required("ask_high", ExactDecimal),
        _required("ask_low", ExactDecimal),
        _required("ask_close", ExactDecimal),
        _required("volume", sa.Double),
        sa.UniqueConstraint("stream", "seq", name="uq_candles_stream_seq"),
        sa.UniqueConstraint("pair", "granularity", "time", name="uq_candles_pair_granularity_time"),
        sa.CheckConstraint("seq >= 1", name="ck_candles_seq"),
    )
    op.create_table(
        "rejected_candles",
        _identity(),
        _required("source", sa.Text),
        _required("line", sa.Integer),
        _required("reason", sa.Text),
        _required("raw", sa.Text),
        _required("pair", sa.Text),
        sa.UniqueConstraint("source", "pair", "line", "reason", name="uq_rejected_candles_source_pair_line_reason"),
    )
    op.create_table(
        "candle_gaps",
        _identity(),
        _required("pair", sa.Text),
        _required("granularity", sa.Text),
        _required("from_time", UtcTime),
        _required("to_time", UtcTime),
        _required("missing_candles", sa.Integer),
        _required("kind", sa.Text),
        sa.UniqueConstraint("pair", "granularity", "from_time", "to_time", name="uq_candle_gaps_span"),
        sa.CheckConstraint("missing_candles >= 0", name="ck_candle_gaps_missing_candles"),
        sa.CheckConstraint("kind IN ('weekend', 'no_ticks', 'outage', 'backfilled')", name="ck_candle_gaps_kind"),
    )


def _create_judgements() -> None:
    op.create_table(
        "assessments",
        _required("stream", sa.Text),
        _required("seq", sa.BigInteger),
        _required("pair", sa.Text),
        _required("candle_time", UtcTime),
        _required("strategy", sa.Text),
        _required("params_hash", sa.Text),
        _required("body_json", sa.Text),
        sa.PrimaryKeyConstraint("stream", "seq", name="pk_assessments"),
    )
    op.create_table(
        "gate_snapshots",
        _identity(),
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
        sa.UniqueConstraint("stream", "seq", name="uq_gate_snapshots_stream_seq"),
        sa.CheckConstraint("final_signal IN ('BUY', 'SELL', 'NONE')", name="ck_gate_snapshots_final_signal"),
    )
    op.create_index("ix_gate_snapshots_pair_candle_time", "gate_snapshots", ["pair", "candle_time"])


def _create_trades() -> None:
    op.create_table(
        "trades",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        _required("number", sa.BigInteger),
        _required("pair", sa.Text),
        _required("strategy", sa.Text),
        _required("side", sa.Text),
        _required("units", sa.BigInteger),
        _required("entry_time", UtcTime),
        _required("entry_price", ExactDecimal),
        _required("stop_loss", ExactDecimal),
        _required("take_profit", ExactDecimal),
        _required("signal_time", UtcTime),
        _required("spread_cost", ExactDecimal),
        _required("slippage_cost", ExactDecimal),
        _required("status", sa.Text),
        _optional("exit_time", UtcTime),
        _optional("exit_price", ExactDecimal),
        _optional("exit_reason", sa.Text),
        _optional("pnl_pips", ExactDecimal),
        _optional("pnl", ExactDecimal),
        _optional("ambiguous", sa.Boolean(create_constraint=False)),
        sa.UniqueConstraint("number", name="uq_trades_number"),
        sa.CheckConstraint("number >= 1", name="ck_trades_number"),
        sa.CheckConstraint("units >= 1", name="ck_trades_units"),
        sa.CheckConstraint(
            "exit_reason IN ('stop_loss', 'take_profit', 'time_exit', 'daily_halt', 'operator_close', 'kill_switch')",
            name="ck_trades_exit_reason",
        ),
        sa.CheckConstraint(_STOPS_ON_THE_RIGHT_SIDE, name="ck_trades_stops_on_the_right_side"),
        sa.CheckConstraint(_CLOSED_IN_FULL, name="ck_trades_closed_in_full"),
    )
    _create_partial_index("uq_trades_one_open_per_pair", "trades", "pair", "status = 'OPEN'", unique=True)


def _create_account() -> None:
    op.create_table(
        "positions",
        sa.Column(
            "trade_id",
            sa.Text,
            sa.ForeignKey("trades.id", name="fk_positions_trade_id"),
            primary_key=True,
            nullable=False,
        ),
        _required("pair", sa.Text),
        _required("strategy", sa.Text),
        _required("side", sa.Text),
        _required("units", sa.BigInteger),
        _required("entry_time", UtcTime),
        _required("entry_price", ExactDecimal),
        _required("stop_loss", ExactDecimal),
        _required("take_profit", ExactDecimal),
        _required("mark_time", UtcTime),
        _required("mark_price", ExactDecimal),
        _required("unrealised_pnl", ExactDecimal),
        sa.UniqueConstraint("pair", name="uq_positions_pair"),
    )
    op.create_table(
        "account_events",
        _identity(),
        _required("stream", sa.Text),
        _required("seq", sa.BigInteger),
        _required("cause_stream", sa.Text),
        _required("cause_seq", sa.BigInteger),
        _required("ts_utc", UtcTime),
        _required("type", sa.Text),
        _optional("pair", sa.Text),
        _required("balance", ExactDecimal),
        _required("equity", ExactDecimal),
        _required("detail_json", sa.Text),
        sa.UniqueConstraint("stream", "seq", name="uq_account_events_stream_seq"),
    )
    op.create_index("ix_account_events_cause", "account_events", ["cause_stream", "cause_seq"])
    op.create_table(
        "daily_stats",
        sa.Column("trading_day", TradingDay, primary_key=True, autoincrement=False, nullable=False),
        _required("start_equity", ExactDecimal),
        _required("end_equity", ExactDecimal),
        _required("realised_pnl", ExactDecimal),
        _required("trades", sa.Integer),
        _required("wins", sa.Integer),
        _required("losses", sa.Integer),
        _required("max_drawdown_ratio", sa.Double),
        _required("halted", sa.Boolean(create_constraint=False)),
    )
    op.create_table(
        "equity",
        sa.Column("seq", _Identity, primary_key=True, autoincrement=False, nullable=False),
        _required("ts_utc", UtcTime),
        _required("balance", ExactDecimal),
        _required("equity", ExactDecimal),
    )


def _create_runtime() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", _Identity, primary_key=True, autoincrement=False, nullable=False),
        _required("ts_utc", sa.Text),
        _required("actor", sa.Text),
        _required("action", sa.Text),
        _optional("command_id", sa.BigInteger),
        _required("detail_json", sa.Text),
        _required("prev_hash", sa.Text),
        _required("hash", sa.Text),
    )
    op.create_table(
        "settings",
        _required("name", sa.Text),
        _required("version", sa.Integer),
        _required("body_json", sa.Text),
        _required("ts_utc", UtcTime),
        sa.PrimaryKeyConstraint("name", "version", name="pk_settings"),
    )
    op.create_table(
        "cursors",
        _required("consumer", sa.Text),
        _required("stream", sa.Text),
        _required("seq", sa.BigInteger),
        sa.PrimaryKeyConstraint("consumer", "stream", name="pk_cursors"),
    )
    op.create_table(
        "snapshots",
        _required("service", sa.Text),
        _required("key", sa.Text),
        _required("seq", sa.BigInteger),
        _required("body_json", sa.Text),
        sa.PrimaryKeyConstraint("service", "key", name="pk_snapshots"),
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        _identity(),
        _required("message_id", sa.Text),
        _required("type", sa.Text),
        _required("version", sa.Integer),
        _required("routing_key", sa.Text),
        _required("pair", sa.Text),
        _required("stream", sa.Text),
        _required("seq", sa.BigInteger),
        _required("occurred_at", UtcTime),
        _required("correlation_id", sa.Text),
        _optional("causation_id", sa.Text),
        _required("producer", sa.Text),
        _required("body", sa.Text),
        _optional("sent_at", UtcTime),
        sa.UniqueConstraint("message_id", name="uq_outbox_message_id"),
    )
    _create_partial_index("ix_outbox_unsent", "outbox", "id", "sent_at IS NULL", unique=False)


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _optional(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _identity() -> sa.Column[int]:
    return sa.Column("id", _Identity, primary_key=True, autoincrement=True)


def _create_partial_index(name: str, table: str, column: str, condition: str, *, unique: bool) -> None:
    where = sa.text(condition)
    op.create_index(name, table, [column], unique=unique, sqlite_where=where, postgresql_where=where)
