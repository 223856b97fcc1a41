"""The routes that read: market data, verdicts, the ledger, the audit log."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import FastAPI, Query

from services.api.context import ApiContext
from services.api.problems import ProblemError
from services.api.shapes.audit import AuditFinding, AuditRecord, audit_finding, shown_audit
from services.api.shapes.ledger import (
    Day,
    EquityPoint,
    Position,
    Positions,
    Trade,
    shown_day,
    shown_equity,
    shown_event,
    shown_position,
    shown_trade,
)
from services.api.shapes.market import Candle, ExplainedCandle, JudgedCandle, judged_fields, shown_candle, shown_judged
from services.api.shapes.pages import CandlesQuery, Page, PageQuery, PairPageQuery, page
from services.api.work_limit import WorkLimit
from shared.anchors.examined import examined
from shared.anchors.lines import AnchorsFound
from shared.anchors.places import read_anchors
from shared.contracts.errors import InputError
from shared.contracts.granularity import parse_granularity
from shared.contracts.pairs import known_pair, parse_pair
from shared.core.types import SECONDS_PER_DAY
from shared.store.rows.listing import Span


def register_market(app: FastAPI, context: ApiContext) -> None:
    """Add the routes to market data and verdicts."""

    @app.get("/api/candles", tags=["market"], summary="Closed candles of a pair, by open time")
    def candles(query: Annotated[CandlesQuery, Query()]) -> Page[Candle]:
        pair, length = parse_pair(query.pair), parse_granularity(query.granularity)
        with context.store.reading() as reader:
            rows = reader.list_candles(pair, length, query.span())
        return page(rows, query.limit, shown_candle)

    @app.get("/api/gates", tags=["market"], summary="Judged candles with their seven verdicts, by open time")
    def gates(query: Annotated[PairPageQuery, Query()]) -> Page[JudgedCandle]:
        with context.store.reading() as reader:
            rows = reader.list_gates(query.span(), known_pair(query.pair))
        return page(rows, query.limit, shown_judged)

    @app.get("/api/gates/{pair}/{time}", tags=["market"], summary="The verdicts on one candle, and what it caused")
    def gate(pair: str, time: str) -> ExplainedCandle:
        """Find a candle by its open time, or else by its decision time."""
        name, moment = parse_pair(pair), _moment(time)
        with context.store.reading() as reader:
            rows = reader.gate_snapshots_at(name, moment)
            if not rows:
                raise ProblemError(HTTPStatus.NOT_FOUND, f"no judged candle of {name} is known for that time")
            events = reader.account_events_of(rows[0].stream, rows[0].seq)
        return ExplainedCandle(**judged_fields(rows[0]), events=[shown_event(event) for event in events])


def register_ledger(app: FastAPI, context: ApiContext) -> None:
    """Add the routes to the ledger."""

    @app.get("/api/positions", tags=["ledger"], summary="The open positions at their latest marks")
    def positions() -> Positions:
        with context.store.reading() as reader:
            rows: list[Position] = [shown_position(row) for row in reader.positions()]
        return Positions(items=rows)

    @app.get("/api/trades", tags=["ledger"], summary="Trades by time of entry, open ones included")
    def trades(query: Annotated[PairPageQuery, Query()]) -> Page[Trade]:
        with context.store.reading() as reader:
            rows = reader.list_trades(query.span(), known_pair(query.pair))
        return page(rows, query.limit, shown_trade)

    @app.get("/api/equity", tags=["ledger"], summary="The equity curve")
    def equity(query: Annotated[PageQuery, Query()]) -> Page[EquityPoint]:
        with context.store.reading() as reader:
            rows = reader.list_equity(query.span())
        return page(rows, query.limit, shown_equity)

    @app.get("/api/daily-stats", tags=["ledger"], summary="Trading days; from and to are about their dates")
    def daily_stats(query: Annotated[PageQuery, Query()]) -> Page[Day]:
        with context.store.reading() as reader:
            rows = reader.list_days(_in_days(query.span()))
        return page(rows, query.limit, shown_day)


def register_audit(app: FastAPI, context: ApiContext, heavy: WorkLimit) -> None:
    """Add the routes to the audit log."""

    @app.get("/api/audit", tags=["audit"], summary="Audit records by time")
    def audit(query: Annotated[PageQuery, Query()]) -> Page[AuditRecord]:
        with context.store.reading() as reader:
            rows = reader.list_audit(query.span())
        return page(rows, query.limit, shown_audit)

    @app.get("/api/audit/verify", tags=["audit"], summary="Verify the hash chain and compare it with its anchors")
    def verify() -> AuditFinding:
        with heavy.work():
            # Anchors first: every record that they have seen is then there to be read.
            anchors, unread = _anchors(context)
            with context.store.reading() as reader:
                found = examined(reader, context.anchors, anchors, context.clock())
        return audit_finding(found._replace(lacks=unread or found.lacks), anchors)


def _anchors(context: ApiContext) -> tuple[AnchorsFound | None, str]:
    """Return the anchors where there are some, and why they cannot be read where that is so."""
    try:
        return read_anchors(context.anchors), ""
    except InputError as fault:
        context.log.warning("audit anchors not read", reason=str(fault))
        return None, "the anchors cannot be read"


def _in_days(span: Span) -> Span:
    """Return a span whose bounds are days: a day is at its midnight in UTC."""

    def day(seconds: int | None) -> int | None:
        return None if seconds is None else -(-seconds // SECONDS_PER_DAY)

    return span._replace(start=day(span.start), end=day(span.end))


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None and 1970 <= moment.year < 2200:
            return int(moment.timestamp())
    except ValueError:
        pass
    raise InputError("path.time: write the candle's open time like 2014-05-08T11:45:00Z")
