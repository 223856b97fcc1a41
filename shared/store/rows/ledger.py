"""Rows of the ledger: trades, positions, what happened to the account, days and equity."""

from typing import NamedTuple

from shared.contracts.facts import Quote
from shared.contracts.trades import Entry, Exit, TradeCosts


class TradeOpening(NamedTuple):
    """A position as it was entered; `signal_time` is the open time of the signal's candle."""

    id: str
    entry: Entry
    signal_time: int


class TradeRow(NamedTuple):
    """A trade of the ledger; `number` counts openings from 1, `closing` is None while the position is open."""

    number: int
    opening: TradeOpening
    costs: TradeCosts
    closing: Exit | None


class PositionRow(NamedTuple):
    """An open position at its latest mark; the unrealised P/L is in quanta."""

    trade_id: str
    entry: Entry
    mark_time: int
    mark_price: int
    unrealised_pnl: int


class DailyStatsRow(NamedTuple):
    """One trading day (days since 1970-01-01) of the account; the drawdown is a ratio of the start equity."""

    trading_day: int
    start_equity: int
    end_equity: int
    realised_pnl: int
    trades: int
    wins: int
    losses: int
    max_drawdown_ratio: float
    halted: bool


class EquityRow(NamedTuple):
    """The account after the candle at `seq`, or after a quote that came between it and the next."""

    seq: int
    time: int
    balance: int
    equity: int


class AppliedQuoteRow(NamedTuple):
    """A quote that did something: the price of the entry on the candle at `seq`, or of an exit after that candle.

    `purpose` is a QuotePurpose; where a command closed the position, it is the reason of that exit.
    """

    seq: int
    purpose: str
    quote: Quote
    command_id: int | None = None
