"""Rows of the ledger: trades, positions, what happened to the account, days and equity."""

from typing import NamedTuple

from shared.core.types import ExitReason, Side


class TradeOpening(NamedTuple):
    """A position as it was entered, with its stops; `signal_time` is the open time of the signal's candle."""

    id: str
    pair: str
    strategy: str
    side: Side
    units: int
    entry_time: int
    entry_price: int
    stop_loss: int
    take_profit: int
    signal_time: int


class TradeClosing(NamedTuple):
    """How the trade ended: `pnl_points` per unit, `pnl` in quanta, `ambiguous` when SL and TP lay in one candle."""

    id: str
    exit_time: int
    exit_price: int
    exit_reason: ExitReason
    pnl_points: int
    pnl: int
    ambiguous: bool


class TradeCosts(NamedTuple):
    """What a trade has paid so far, in quanta, contained in its P/L."""

    spread: int
    slippage: int


class TradeRow(NamedTuple):
    """A trade of the ledger; `number` counts openings from 1, `closing` is None while the position is open."""

    number: int
    opening: TradeOpening
    costs: TradeCosts
    closing: TradeClosing | None


class PositionRow(NamedTuple):
    """An open position at its latest mark; the unrealised P/L is in quanta."""

    trade_id: str
    pair: str
    strategy: str
    side: Side
    units: int
    entry_time: int
    entry_price: int
    stop_loss: int
    take_profit: int
    mark_time: int
    mark_price: int
    unrealised_pnl: int


class AccountEventRow(NamedTuple):
    """An event of the account at its place in the executor's stream, and the candle (stream, seq) that caused it.

    `pair` is None for the whole account.
    """

    stream: str
    seq: int
    cause_stream: str
    cause_seq: int
    time: int
    type: str
    pair: str | None
    balance: int
    equity: int
    detail_json: str


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
    pair: str
    time: int
    bid: int
    ask: int
    command_id: int | None = None
