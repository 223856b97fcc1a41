"""The port of the store: what a service may read, and what it may write in one transaction.

Every method raises InfrastructureError when the database cannot do its part now (locked, full, gone) and InvariantError
when a constraint refuses a row or a stored value makes no sense.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from shared.store.command_port import CommandReads, CommandWrites
from shared.store.params_port import ParamsReads, ParamsWrites
from shared.store.rows import (
    AccountEventRow,
    AppliedQuoteRow,
    AssessmentRow,
    AuditEntry,
    AuditRow,
    CandleGapRow,
    CandleRow,
    DailyStatsRow,
    EquityRow,
    FunnelRow,
    GateSnapshotRow,
    HeartbeatRow,
    LeaseRow,
    OutboxRow,
    PositionRow,
    RejectedCandleRow,
    SettingRow,
    SnapshotRow,
    StagedMessage,
    TradeClosing,
    TradeCosts,
    TradeOpening,
    TradeRow,
)
from shared.store.user_port import ListReads, UserReads, UserWrites


class MarketReads(Protocol):
    """Read candles, what was refused or is missing, and what the market said of each candle."""

    def streams(self) -> list[str]:
        """Return the names of all candle streams, sorted."""
        ...

    def last_candle(self) -> CandleRow | None:
        """Return the candle with the highest seq."""
        ...

    def last_candle_seq(self, stream: str) -> int:
        """Return the highest seq of a stream, 0 when it is empty."""
        ...

    def last_candle_times(self, granularity: str) -> dict[str, int]:
        """Return the newest open time of every pair that has candles of this granularity."""
        ...

    def candle_at(self, pair: str, granularity: str, time: int) -> CandleRow | None:
        """Return the candle of a pair that opened at `time`."""
        ...

    def candles_between(self, pair: str, granularity: str, start: int, end: int) -> list[CandleRow]:
        """Return a pair's candles with start <= open time < end, oldest first."""
        ...

    def candles_after(self, stream: str, seq: int, limit: int) -> list[CandleRow]:
        """Return the next candles of a stream in order, at most `limit`."""
        ...

    def candles_in_order(self, chunk: int = 10_000) -> Iterator[CandleRow]:
        """Iterate over all candles in order, reading `chunk` rows at a time."""
        ...

    def granularities(self) -> dict[str, str]:
        """Return the granularity of every pair that has candles, by pair name."""
        ...

    def candle_count(self, pair: str | None = None) -> int:
        """Return the number of stored candles, of one pair or of all."""
        ...

    def rejected_candles(self, limit: int, pair: str | None = None) -> list[RejectedCandleRow]:
        """Return refused input rows, newest first."""
        ...

    def gaps(self, limit: int, pair: str | None = None) -> list[CandleGapRow]:
        """Return gaps, latest first."""
        ...

    def assessments_after(self, seq: int, limit: int) -> list[AssessmentRow]:
        """Return the next assessments of all streams in the order of their candles, at most `limit`."""
        ...

    def assessment_count(self) -> int:
        """Return the number of assessed candles."""
        ...

    def gate_snapshots(self, limit: int, pair: str | None = None) -> list[GateSnapshotRow]:
        """Return judged candles, newest first."""
        ...

    def gate_snapshots_of_candle(self, pair: str, candle_time: int) -> list[GateSnapshotRow]:
        """Return what was judged of the pair's candle that opened at `candle_time`."""
        ...

    def gate_snapshots_of_decision(self, pair: str, decision_time: int) -> list[GateSnapshotRow]:
        """Return what was judged of the pair at `decision_time`."""
        ...

    def gate_snapshots_after(self, seq: int, limit: int) -> list[GateSnapshotRow]:
        """Return the next judged candles in order, at most `limit`."""
        ...

    def gate_funnel(self, pair: str | None = None) -> list[FunnelRow]:
        """Return how many judged candles had which reason and which failed gates, of one pair or of all."""
        ...


class LedgerReads(Protocol):
    """Read trades, positions and the account's course."""

    def trade(self, trade_id: str) -> TradeRow | None:
        """Return one trade."""
        ...

    def trades(self, limit: int, pair: str | None = None) -> list[TradeRow]:
        """Return trades, the latest opened first."""
        ...

    def trade_of_signal(self, pair: str, candle_time: int) -> TradeRow | None:
        """Return the trade that the pair's candle which opened at `candle_time` gave the signal for."""
        ...

    def open_trades(self) -> list[TradeRow]:
        """Return the trades that are open, in order of opening."""
        ...

    def trades_in_order(self, chunk: int = 1_000) -> Iterator[TradeRow]:
        """Iterate over all trades in order of opening, reading `chunk` rows at a time."""
        ...

    def positions(self, pair: str | None = None) -> list[PositionRow]:
        """Return the open positions by pair name."""
        ...

    def account_events(self, limit: int, pair: str | None = None) -> list[AccountEventRow]:
        """Return events of the account, newest first."""
        ...

    def account_events_of(self, stream: str, seq: int) -> list[AccountEventRow]:
        """Return the events that one candle caused, in order."""
        ...

    def account_events_in_order(self, chunk: int = 1_000) -> Iterator[AccountEventRow]:
        """Iterate over all events from the first, reading `chunk` rows at a time."""
        ...

    def daily_stats(self, limit: int) -> list[DailyStatsRow]:
        """Return trading days, newest first."""
        ...

    def equity(self, limit: int) -> list[EquityRow]:
        """Return points of the equity curve, newest first."""
        ...

    def equity_in_order(self, chunk: int = 10_000) -> Iterator[EquityRow]:
        """Iterate over the equity curve from its first point, reading `chunk` rows at a time."""
        ...

    def applied_quotes_in_order(self, chunk: int = 1_000) -> Iterator[AppliedQuoteRow]:
        """Iterate over the quotes that did something from the first, reading `chunk` rows at a time."""
        ...


class RuntimeReads(Protocol):
    """Read the services' own state, settings, outbox, leases and the audit chain."""

    def cursor(self, consumer: str, stream: str) -> int:
        """Return the seq up to which a consumer has handled a stream, 0 when it has not begun.

        Within a transaction the cursor is ours until it ends: a second process of the consumer waits here.
        """
        ...

    def snapshot(self, service: str, key: str) -> tuple[int, str] | None:
        """Return seq and JSON text of a service's state under a key."""
        ...

    def snapshots(self, service: str) -> list[SnapshotRow]:
        """Return all states of a service by key."""
        ...

    def setting(self, name: str) -> SettingRow | None:
        """Return the newest version of a setting."""
        ...

    def unsent_outbox(self, limit: int, producer: str | None = None) -> list[StagedMessage]:
        """Return messages that were not yet sent, of one producer or of all, in the order of staging.

        Within a transaction nobody else gets them until it ends, and those that another has taken are left out.
        """
        ...

    def outbox_count(self, producer: str | None = None) -> int:
        """Return the number of messages that were not yet sent, of one producer or of all."""
        ...

    def unsent_outbox_age_seconds(self, producer: str | None = None) -> float:
        """Return how long the oldest unsent message has waited by the database's clock, 0 when none waits."""
        ...

    def lease(self, name: str) -> LeaseRow | None:
        """Return a lease, expired or not; None when nobody ever took it."""
        ...

    def heartbeats(self) -> list[HeartbeatRow]:
        """Return the last sign of life of every process, by service and instance."""
        ...

    def audit(self, limit: int) -> list[AuditRow]:
        """Return audit records, newest first."""
        ...

    def audit_record(self, audit_id: int) -> AuditRow | None:
        """Return one audit record, None where there is none."""
        ...

    def audit_in_order(self, chunk: int = 1_000) -> Iterator[AuditRow]:
        """Iterate over the audit chain from its first record, reading `chunk` rows at a time."""
        ...


class Reader(MarketReads, LedgerReads, RuntimeReads, CommandReads, ParamsReads, UserReads, ListReads, Protocol):
    """One consistent view of the store."""


class MarketWrites(Protocol):
    """Write market data and what the market said."""

    def add_candles(self, rows: Sequence[CandleRow]) -> None:
        """Add candles; one that is stored already is an InvariantError."""
        ...

    def add_rejected(self, rows: Sequence[RejectedCandleRow]) -> None:
        """Add refused input rows, leaving out those that are known."""
        ...

    def add_gaps(self, rows: Sequence[CandleGapRow]) -> None:
        """Add gaps, leaving out those that are known."""
        ...

    def add_assessments(self, rows: Sequence[AssessmentRow]) -> None:
        """Add assessments; a second one of the same seq is an InvariantError."""
        ...

    def add_gate_snapshots(self, rows: Sequence[GateSnapshotRow]) -> None:
        """Add judged candles; a second one of the same seq is an InvariantError."""
        ...


class LedgerWrites(Protocol):
    """Write the ledger."""

    def open_trade(self, opening: TradeOpening, costs: TradeCosts) -> int:
        """Add an open trade and return its number; a second open one of the pair is an InvariantError."""
        ...

    def close_trade(self, closing: TradeClosing, costs: TradeCosts) -> None:
        """Close an open trade for good; one that is not open is an InvariantError."""
        ...

    def replace_positions(self, rows: Sequence[PositionRow]) -> None:
        """Make these the open positions; each must belong to a stored trade."""
        ...

    def add_account_events(self, rows: Sequence[AccountEventRow]) -> None:
        """Add events; a second one of the same (stream, seq) is an InvariantError."""
        ...

    def save_daily_stats(self, rows: Sequence[DailyStatsRow]) -> None:
        """Add trading days or overwrite them."""
        ...

    def add_equity(self, rows: Sequence[EquityRow]) -> None:
        """Add points of the equity curve."""
        ...

    def add_applied_quotes(self, rows: Sequence[AppliedQuoteRow]) -> None:
        """Add quotes that did something; a second one of a pair, seq and purpose is an InvariantError."""
        ...


class RuntimeWrites(Protocol):
    """Write the services' own state, settings, outbox, leases and the audit chain."""

    def save_cursor(self, consumer: str, stream: str, seq: int) -> None:
        """Remember that a consumer has handled a stream up to `seq`."""
        ...

    def save_snapshots(self, rows: Sequence[SnapshotRow]) -> None:
        """Add states or overwrite them."""
        ...

    def save_setting(self, name: str, body_json: str, time: int) -> int:
        """Add the next version of a setting and return its number."""
        ...

    def remember_setting(self, name: str, body_json: str, time: int) -> SettingRow:
        """Return the newest version of a setting, which is this one where there was none."""
        ...

    def stage_outbox(self, rows: Sequence[OutboxRow]) -> None:
        """Stage messages for sending; one with a known message id is an InvariantError."""
        ...

    def mark_outbox_sent(self, ids: Iterable[int], time: int) -> None:
        """Note that these messages were confirmed at `time`."""
        ...

    def delete_sent_outbox(self, before: int, limit: int = 1_000) -> int:
        """Delete at most `limit` messages that were sent before a time, the oldest first, and return their number."""
        ...

    def acquire_lease(self, name: str, holder: str, ttl_seconds: float) -> int | None:
        """Take a lease that is free, expired or ours and return its epoch; None while another holds it.

        The epoch grows with every new holder. `holder` names one process: started anew, it needs another name.
        """
        ...

    def renew_lease(self, name: str, holder: str, epoch: int, ttl_seconds: float) -> bool:
        """Prolong a lease from now on; False when it expired or has another holder or epoch."""
        ...

    def holds_lease(self, name: str, epoch: int) -> bool:
        """Tell whether a lease still has this epoch and has not expired; nobody else takes it until we commit.

        Asked in the transaction that writes, it keeps a process from writing that was paused past its lease.
        """
        ...

    def release_lease(self, name: str, holder: str, epoch: int) -> None:
        """Let a lease expire now; one that is not ours is left alone."""
        ...

    def beat(self, service: str, instance: str, detail_json: str) -> None:
        """Leave a sign of life of a process."""
        ...

    def forget_heartbeats(self, silent_seconds: float) -> int:
        """Delete processes that gave no sign of life for so long and return their number."""
        ...

    def append_audit(self, entries: Sequence[AuditEntry]) -> None:
        """Append records to the hash chain."""
        ...


class Transaction(Reader, MarketWrites, LedgerWrites, RuntimeWrites, CommandWrites, ParamsWrites, UserWrites, Protocol):
    """Reads and writes that happen together or not at all."""


class Store(Protocol):
    """The one place that outlives the process."""

    def reading(self) -> AbstractContextManager[Reader]:
        """Open a consistent view for reading; it never blocks a writer."""
        ...

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that commits at the end of the block and rolls back on any exception.

        After an InfrastructureError it is not known whether a commit that had begun took place: read the cursor again
        before going on.
        """
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...
