"""Rows of the store as the API answers them."""

from typing import Any

import msgspec

from services.api.shapes.commands import Command, HoldChange
from services.api.shapes.models import (
    AccountEvent,
    AnchorFinding,
    AuditFinding,
    AuditRecord,
    Candle,
    Day,
    EquityPoint,
    Heartbeat,
    Hold,
    JudgedCandle,
    Position,
    Trade,
    User,
    Verdict,
)
from shared.anchors.lines import AnchorsFound
from shared.calendar.trading_day import trading_day_date
from shared.contracts.decimals import format_money, format_points
from shared.contracts.facts import CandleClosed
from shared.contracts.granularity import granularity_name
from shared.contracts.shown import shown_entry, shown_exit
from shared.contracts.times import format_time
from shared.core.types import PRICE_NAMES, REASON_NAMES, SIDE_NAMES, instrument
from shared.runtime.commands import command_fields
from shared.store.rows.commands import CommandRow, HoldRow
from shared.store.rows.ledger import AccountEventRow, DailyStatsRow, EquityRow, PositionRow, TradeRow
from shared.store.rows.market import GateSnapshotRow
from shared.store.rows.runtime import AuditRow, HeartbeatRow
from shared.store.rows.users import UserRow
from shared.store.sql.audit import AuditCheck


def shown_candle(row: CandleClosed) -> Candle:
    """Return a candle."""
    digits = instrument(row.pair).digits
    prices = {name: format_points(points, digits) for name, points in zip(PRICE_NAMES, row.candle.prices, strict=True)}
    return Candle(
        pair=row.pair,
        granularity=granularity_name(row.granularity_seconds),
        time=format_time(row.candle.time),
        seq=row.seq,
        volume=row.candle.volume,
        **prices,
    )


def judged_fields(row: GateSnapshotRow) -> dict[str, Any]:
    """Return a judged candle field by field."""
    return {
        "pair": row.pair,
        "granularity": granularity_name(row.granularity_seconds),
        "candle_time": format_time(row.candle_time),
        "decision_time": format_time(row.time),
        "seq": row.seq,
        "strategy": row.strategy,
        "final_signal": SIDE_NAMES[row.final_signal],
        "reason": REASON_NAMES[row.reason],
        "gates": msgspec.json.decode(row.verdicts_json, type=list[dict[str, Any]]),
        "indicators": msgspec.json.decode(row.indicators_json),
        "params_hash": row.params_hash,
        "params_version": row.params_version,
    }


def shown_judged(row: GateSnapshotRow) -> JudgedCandle:
    """Return a judged candle."""
    fields = judged_fields(row)
    return JudgedCandle(**{**fields, "gates": [Verdict(**verdict) for verdict in fields["gates"]]})


def shown_event(row: AccountEventRow) -> AccountEvent:
    """Return an event of the account."""
    return AccountEvent(
        stream=row.stream,
        seq=row.seq,
        cause_stream=row.cause_stream,
        cause_seq=row.cause_seq,
        time=format_time(row.time),
        type=row.type,
        pair=row.pair,
        balance=format_money(row.balance),
        equity=format_money(row.equity),
        detail=msgspec.json.decode(row.detail_json),
    )


def shown_position(row: PositionRow) -> Position:
    """Return an open position."""
    return Position(
        **shown_entry(row.entry),
        trade_id=row.trade_id,
        mark_time=format_time(row.mark_time),
        mark_price=format_points(row.mark_price, instrument(row.entry.pair).digits),
        unrealised_pnl=format_money(row.unrealised_pnl),
    )


def shown_trade(row: TradeRow) -> Trade:
    """Return a trade."""
    entry = row.opening.entry
    return Trade(
        **shown_entry(entry),
        **({} if row.closing is None else shown_exit(entry.pair, row.closing)),
        number=row.number,
        id=row.opening.id,
        signal_time=format_time(row.opening.signal_time),
        spread_cost=format_money(row.costs.spread),
        slippage_cost=format_money(row.costs.slippage),
    )


def shown_equity(row: EquityRow) -> EquityPoint:
    """Return a point of the equity curve."""
    money = {"balance": format_money(row.balance), "equity": format_money(row.equity)}
    return EquityPoint(seq=row.seq, time=format_time(row.time), **money)


def shown_day(row: DailyStatsRow) -> Day:
    """Return a trading day."""
    return Day(
        date=trading_day_date(row.trading_day).isoformat(),
        start_equity=format_money(row.start_equity),
        end_equity=format_money(row.end_equity),
        realised_pnl=format_money(row.realised_pnl),
        trades=row.trades,
        wins=row.wins,
        losses=row.losses,
        max_drawdown_percent=round(100 * row.max_drawdown_ratio, 4),
        halted=row.halted,
    )


def audit_finding(found: AuditCheck, anchors: AnchorsFound | None) -> AuditFinding:
    """Return what was found of the audit log, and of its anchors where there are some."""
    shown = None if anchors is None else AnchorFinding(**anchors.summary(found.rows))
    sound = anchors is None or anchors.first_bad is None
    return AuditFinding(**{**found._asdict(), "ok": found.ok and sound}, anchors=shown)


def shown_audit(row: AuditRow) -> AuditRecord:
    """Return an audit record as it is stored."""
    return AuditRecord(**row._asdict())


def shown_user(row: UserRow) -> User:
    """Return a user, without what is kept of the password."""
    return User(name=row.name, role=row.role, disabled=row.disabled, created=format_time(row.created_at))


def shown_hold(row: HoldRow) -> Hold:
    """Return a hold."""
    since = format_time(row.since_time)
    return Hold(scope=row.scope, kind=row.kind, actor=row.actor, since=since, command_id=row.command_id)


def shown_hold_change(record: AuditRow) -> HoldChange:
    """Return the change of a hold that an audit record tells of."""
    fields = msgspec.json.decode(record.detail_json)
    return HoldChange(type=record.action, time=record.ts_utc, by=record.actor, command_id=record.command_id, **fields)


def shown_command(row: CommandRow) -> Command:
    """Return a command, its payload as it is stored and its result decoded."""
    return Command(**command_fields(row))


def shown_heartbeat(row: HeartbeatRow) -> Heartbeat:
    """Return a sign of life."""
    return Heartbeat(
        service=row.service,
        instance=row.instance,
        seen_at=format_time(row.seen_at),
        age_seconds=round(row.age_seconds, 3),
    )
