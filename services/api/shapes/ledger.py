"""Events of the account, positions, trades, equity and days, as the API answers them."""

from typing import Any, Final

from pydantic import BaseModel, Field

from shared.calendar.trading_day import trading_day_date
from shared.contracts import facts
from shared.contracts.decimals import format_money, format_points
from shared.contracts.shown import shown_entry, shown_exit
from shared.contracts.times import format_time
from shared.store.rows.ledger import DailyStatsRow, EquityRow, PositionRow, TradeRow

_TIME: Final = "2014-05-08T11:45:00Z"
_PRICE: Final = "1.38731"
_MONEY: Final = "9902.6898"
_PAIR: Final = "EUR_USD"


class AccountEvent(BaseModel):
    """Something that happened to the account; `pair` is null where the whole account is meant."""

    stream: str = Field(examples=["executor.0"])
    seq: int = Field(examples=[12])
    cause_stream: str = Field(examples=["assessed.0"])
    cause_seq: int = Field(examples=[317])
    time: str = Field(examples=[_TIME])
    type: str = Field(examples=["trade.opened"])
    pair: str | None = Field(examples=[_PAIR])
    balance: str = Field(examples=[_MONEY])
    equity: str = Field(examples=[_MONEY])
    detail: dict[str, Any]


class Position(BaseModel):
    """An open position at its latest mark."""

    trade_id: str = Field(examples=["0f6c1b9e-7f0d-5b0a-9d55-3c1c0d3f8a11"])
    pair: str = Field(examples=[_PAIR])
    strategy: str = Field(examples=["ema_vwap"])
    side: str = Field(examples=["BUY"])
    units: int = Field(examples=[43_000])
    entry_time: str = Field(examples=[_TIME])
    entry_price: str = Field(examples=[_PRICE])
    sl: str = Field(examples=["1.38690"])
    tp: str = Field(examples=["1.38800"])
    mark_time: str = Field(examples=[_TIME])
    mark_price: str = Field(examples=[_PRICE])
    unrealised_pnl: str = Field(examples=["-12.9000"])


class Trade(BaseModel):
    """A trade; what an open one does not have yet is null."""

    number: int = Field(examples=[7], description="Trades are counted in order of opening.")
    id: str = Field(examples=["0f6c1b9e-7f0d-5b0a-9d55-3c1c0d3f8a11"])
    pair: str = Field(examples=[_PAIR])
    strategy: str = Field(examples=["ema_vwap"])
    side: str = Field(examples=["BUY"])
    units: int = Field(examples=[43_000])
    signal_time: str = Field(examples=[_TIME])
    entry_time: str = Field(examples=[_TIME])
    entry_price: str = Field(examples=[_PRICE])
    sl: str = Field(examples=["1.38690"])
    tp: str = Field(examples=["1.38800"])
    spread_cost: str = Field(examples=["3.4400"])
    slippage_cost: str = Field(examples=["0.4300"])
    exit_time: str | None = Field(default=None, examples=["2014-05-08T12:15:00Z"])
    exit_price: str | None = Field(default=None, examples=["1.38690"])
    exit_reason: str | None = Field(default=None, examples=["stop_loss"])
    pnl_pips: str | None = Field(default=None, examples=["-4.1"])
    pnl: str | None = Field(default=None, examples=["-17.6300"])
    ambiguous: bool | None = Field(default=None, description="Stop loss and take profit lay in one candle.")


class EquityPoint(BaseModel):
    """Balance and equity after a candle, or a price after it, that changed one of them."""

    seq: int = Field(examples=[317], description="The candle's number among all candles.")
    time: str = Field(examples=[_TIME])
    balance: str = Field(examples=[_MONEY])
    equity: str = Field(examples=[_MONEY])


class Day(BaseModel):
    """A trading day of the account."""

    date: str = Field(examples=["2014-05-08"])
    start_equity: str = Field(examples=["10000.0000"])
    end_equity: str = Field(examples=[_MONEY])
    realised_pnl: str = Field(examples=["-97.3102"])
    trades: int = Field(examples=[4])
    wins: int = Field(examples=[1])
    losses: int = Field(examples=[3])
    max_drawdown_percent: float = Field(examples=[0.9731])
    halted: bool


class Positions(BaseModel):
    """All open positions by pair."""

    items: list[Position]


def shown_event(fact: facts.AccountEvent) -> AccountEvent:
    """Return an event of the account."""
    return AccountEvent(
        stream=fact.stream,
        seq=fact.seq,
        cause_stream=fact.cause_stream,
        cause_seq=fact.cause_seq,
        time=format_time(fact.time),
        type=fact.type,
        pair=fact.pair,
        balance=format_money(fact.balance),
        equity=format_money(fact.equity),
        detail=dict(fact.detail),
    )


def shown_position(row: PositionRow) -> Position:
    """Return an open position."""
    return Position(
        **shown_entry(row.entry),
        trade_id=row.trade_id,
        mark_time=format_time(row.mark_time),
        mark_price=format_points(row.mark_price, row.entry.digits),
        unrealised_pnl=format_money(row.unrealised_pnl),
    )


def shown_trade(row: TradeRow) -> Trade:
    """Return a trade."""
    entry = row.opening.entry
    return Trade(
        **shown_entry(entry),
        **({} if row.closing is None else shown_exit(entry, row.closing)),
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
