"""The port of the store: lists that people page through."""

from typing import Protocol

from shared.contracts.facts import AccountEvent, CandleClosed
from shared.store.rows.audit import AuditRow
from shared.store.rows.ledger import DailyStatsRow, EquityRow, TradeRow
from shared.store.rows.listing import Listed, Span
from shared.store.rows.market import GateSnapshotRow


class ListReads(Protocol):
    """Read lists newest first, page by page, and what is new."""

    def list_candles(self, pair: str, granularity_seconds: int, span: Span) -> list[Listed[CandleClosed]]:
        """Return candles of a pair by open time."""
        ...

    def list_gates(self, span: Span, pair: str | None = None) -> list[Listed[GateSnapshotRow]]:
        """Return judged candles by open time, of one pair or of all."""
        ...

    def list_trades(self, span: Span, pair: str | None = None) -> list[Listed[TradeRow]]:
        """Return trades by time of entry, of one pair or of all."""
        ...

    def list_equity(self, span: Span) -> list[Listed[EquityRow]]:
        """Return points of the equity curve by time."""
        ...

    def list_days(self, span: Span) -> list[Listed[DailyStatsRow]]:
        """Return trading days; the times of the span are numbers of days."""
        ...

    def list_audit(self, span: Span) -> list[Listed[AuditRow]]:
        """Return audit records by time."""
        ...

    def newest_event_id(self) -> int:
        """Return the id of the newest event of the account, 0 without one."""
        ...

    def events_after(self, identity: int, limit: int) -> list[Listed[AccountEvent]]:
        """Return the events that follow the one of an id, oldest first, each under its id as the key."""
        ...
