"""Long lists read page by page, newest first, each page by an index from where the one before it ended.

A row's place is its time and a key that no other row of that time has. Rows that are added meanwhile move no others.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, literal, select, tuple_

from shared.contracts.errors import InvariantError
from shared.contracts.facts import AccountEvent, CandleClosed
from shared.contracts.times import format_time, parse_time
from shared.store.rows.audit import AuditRow
from shared.store.rows.ledger import DailyStatsRow, EquityRow, TradeRow
from shared.store.rows.listing import Listed, Span
from shared.store.rows.market import GateSnapshotRow
from shared.store.sql.audit import AuditSession
from shared.store.sql.judged import GATE_ROWS, JudgedSession
from shared.store.sql.ledger import LedgerSession, daily_stats_row, equity_row, event_row
from shared.store.sql.market import CANDLE_ROWS, MarketSession
from shared.store.sql.session import of_pair, picked
from shared.store.tables.audit import AUDIT_LOG
from shared.store.tables.judged import GATE_SNAPSHOTS
from shared.store.tables.ledger import ACCOUNT_EVENTS, DAILY_STATS, EQUITY, TRADES
from shared.store.tables.market import CANDLES


class ListingSession(MarketSession, JudgedSession, LedgerSession, AuditSession):
    """Read lists page by page, and what is new."""

    def list_candles(self, pair: str, granularity_seconds: int, span: Span) -> list[Listed[CandleClosed]]:
        """Page by time alone: the unique index on pair, granularity and time is walked from its end."""
        columns = CANDLES.c
        query = CANDLE_ROWS.where(columns.pair == pair, columns.granularity == granularity_seconds)
        rows = self._candle_rows(_paged(query, columns.time, None, span))
        return [Listed(row.candle.time, row.seq, row) for row in rows]

    def list_gates(self, span: Span, pair: str | None = None) -> list[Listed[GateSnapshotRow]]:
        """Page by candle time and seq; the index of one pair has the time alone."""
        columns = GATE_SNAPSHOTS.c
        query = of_pair(GATE_ROWS, columns.pair, pair)
        rows = self._gate_rows(_paged(query, columns.candle_time, columns.seq, span))
        return [Listed(row.candle_time, row.seq, row) for row in rows]

    def list_trades(self, span: Span, pair: str | None = None) -> list[Listed[TradeRow]]:
        """Page by entry time and number; with and without a pair there is an index in this order."""
        columns = TRADES.c
        query = of_pair(select(TRADES), columns.pair, pair)
        rows = self._trade_rows(_paged(query, columns.entry_time, columns.number, span))
        return [Listed(row.opening.entry.entry_time, row.number, row) for row in rows]

    def list_equity(self, span: Span) -> list[Listed[EquityRow]]:
        """Page by time and row id, which an index has in this order."""
        query = _paged(select(EQUITY), EQUITY.c.ts_utc, EQUITY.c.id, span)
        return [Listed(row.ts_utc, row.id, equity_row(row)) for row in self._connection.execute(query)]

    def list_days(self, span: Span) -> list[Listed[DailyStatsRow]]:
        """Page by the day, which is the primary key; the second part of a place is 0."""
        day = DAILY_STATS.c.trading_day
        query = _paged(select(DAILY_STATS), day, None, span)
        return [Listed(row.trading_day, 0, daily_stats_row(row)) for row in self._connection.execute(query)]

    def list_audit(self, span: Span) -> list[Listed[AuditRow]]:
        """Page by time and id; times are compared as the stored text."""
        query = _paged(picked(AUDIT_LOG, AuditRow._fields), AUDIT_LOG.c.ts_utc, AUDIT_LOG.c.id, span, format_time)
        return [_listed_audit(row) for row in self._connection.execute(query)]

    def newest_event_id(self) -> int:
        """Take the end of the primary key."""
        query = select(ACCOUNT_EVENTS.c.id).order_by(ACCOUNT_EVENTS.c.id.desc()).limit(1)
        return self._connection.execute(query).scalar() or 0

    def events_after(self, identity: int, limit: int) -> list[Listed[AccountEvent]]:
        """Walk the primary key upwards."""
        query = select(ACCOUNT_EVENTS).where(ACCOUNT_EVENTS.c.id > identity).order_by(ACCOUNT_EVENTS.c.id).limit(limit)
        return [Listed(row.ts_utc, row.id, event_row(row)) for row in self._connection.execute(query)]


def _same(time: int) -> int:
    return time


def _paged(
    query: Select[Any],
    time: ColumnElement[Any],
    key: ColumnElement[Any] | None,
    span: Span,
    written: Callable[[int], object] = _same,
) -> Select[Any]:
    """Return the query for a page; without a key, a row's time is its own."""

    def bound(value: object, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return literal(value, column.type)

    if span.start is not None:
        query = query.where(time >= bound(written(span.start), time))
    if span.end is not None:
        query = query.where(time < bound(written(span.end), time))
    if key is None:
        if span.before is not None:
            query = query.where(time < bound(written(span.before[0]), time))
        return query.order_by(time.desc()).limit(span.limit)
    if span.before is not None:
        place = tuple_(bound(written(span.before[0]), time), bound(span.before[1], key))
        query = query.where(tuple_(time, key) < place)
    return query.order_by(time.desc(), key.desc()).limit(span.limit)


def _listed_audit(row: Row[Any]) -> Listed[AuditRow]:
    record = AuditRow._make(row)
    try:
        return Listed(parse_time(record.ts_utc), record.id, record)
    except ValueError as fault:
        raise InvariantError(f"table {AUDIT_LOG.name}, row {record.id}, column ts_utc: {fault}") from fault
