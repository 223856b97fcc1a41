"""Builders of what a backtest leaves behind, for tests of what is said of it."""

from collections.abc import Sequence

import numpy as np

from services.backtest.result import BacktestResult, FillRules
from shared.contracts.trades import ClosedTrade, Entry, Exit, TradeCosts
from shared.core.engine import OutcomeColumns
from shared.core.types import BUY, QUANTA_PER_UNIT, SECONDS_PER_DAY, STOP_LOSS, TAKE_PROFIT

START = 1_400_000_000 // SECONDS_PER_DAY * SECONDS_PER_DAY


def a_trade(profit: float, *, entry_time: int = START, held_seconds: int = 600, pair: str = "EUR_USD") -> ClosedTrade:
    """Return a long trade of 10,000 units that risked 10.00 and earned `profit`, both in the account currency."""
    entry = 130_000
    points = round(profit * 10)
    return ClosedTrade(
        Entry(
            pair=pair,
            strategy="ema_vwap",
            side=BUY,
            units=10_000,
            entry_time=entry_time,
            entry_price=entry,
            stop_loss=entry - 100,
            take_profit=entry + 200,
            digits=5,
        ),
        Exit(
            exit_time=entry_time + held_seconds,
            exit_price=entry + points,
            exit_reason=TAKE_PROFIT if profit > 0 else STOP_LOSS,
            pnl_points=points,
            pnl=round(profit * QUANTA_PER_UNIT),
            ambiguous=False,
        ),
        TradeCosts(spread=QUANTA_PER_UNIT, slippage=QUANTA_PER_UNIT // 2),
    )


def a_result(
    equity: Sequence[float],
    trades: Sequence[ClosedTrade] = (),
    *,
    start_balance: float = 10_000.0,
    candle_seconds: int = SECONDS_PER_DAY,
    failed: Sequence[int] | None = None,
    refusal: Sequence[int] | None = None,
    open_positions: Sequence[int] | None = None,
) -> BacktestResult:
    """Return a run whose equity after each candle is given in the account currency; a candle a day by default."""
    count = len(equity)
    zeros = [0] * count
    start = round(start_balance * QUANTA_PER_UNIT)
    quanta = np.array([round(value * QUANTA_PER_UNIT) for value in equity], np.int64)
    opens = START + np.arange(count) * candle_seconds
    return BacktestResult(
        rules=FillRules(),
        trades=tuple(trades),
        open_positions=(),
        pending_entries=(),
        start_balance=start,
        balance=start + sum(trade.profit for trade in trades),
        equity=int(quanta[-1]),
        start_time=START,
        decision_times=opens + candle_seconds,
        fx_days=opens // SECONDS_PER_DAY,
        outcomes=OutcomeColumns(
            np.array(failed or zeros, np.uint8),
            np.array(zeros, np.uint8),
            np.array(refusal or zeros, np.uint8),
            np.array(open_positions or zeros, np.uint8),
            quanta,
        ),
        unconverted={},
    )
