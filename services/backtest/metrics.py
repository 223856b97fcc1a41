"""The figures by which a run is judged, each with its formula and source.

A trade that ends with a profit of exactly 0 is neither a win nor a loss; it counts as a trade all the same.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np

from services.backtest.result import BacktestResult
from shared.contracts.trades import ClosedTrade
from shared.core.columns import Floats
from shared.core.types import QUANTA_PER_UNIT

TRADING_DAYS_PER_YEAR: Final = 252
FEWEST_DAYS: Final = 10


class Drawdown(NamedTuple):
    """The deepest fall of equity from its peak so far: percent of that peak, and when peak and trough were.

    Times are decision times in seconds, None without a fall; a peak at the start is the first candle's open time.
    """

    percent: float
    peak_time: int | None
    trough_time: int | None


@dataclass(frozen=True)
class Metrics:
    """All figures of a run; money in the account currency, None where a figure has no meaning."""

    trades: int
    wins: int
    losses: int
    win_rate_percent: float | None
    profit_factor: float | None
    expectancy: float | None
    expectancy_r: float | None
    net: float
    return_percent: float
    max_drawdown: Drawdown
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    exposure_percent: float
    mean_holding_seconds: float | None
    max_consecutive_losses: int
    spread_cost: float
    slippage_cost: float
    fx_days: int
    trades_per_day: float


def measure(result: BacktestResult) -> Metrics:
    """Compute all figures of a run."""
    trades = result.trades
    returns = daily_returns(result)
    drawdown = max_drawdown(result)
    return Metrics(
        trades=len(trades),
        wins=sum(trade.profit > 0 for trade in trades),
        losses=sum(trade.profit < 0 for trade in trades),
        win_rate_percent=win_rate_percent(trades),
        profit_factor=profit_factor(trades),
        expectancy=_mean([trade.profit / QUANTA_PER_UNIT for trade in trades]),
        expectancy_r=expectancy_r(trades),
        net=result.net / QUANTA_PER_UNIT,
        return_percent=100.0 * result.net / result.start_balance,
        max_drawdown=drawdown,
        sharpe=sharpe_ratio(returns),
        sortino=sortino_ratio(returns),
        calmar=calmar_ratio(result.equity / result.start_balance, len(returns), drawdown.percent),
        exposure_percent=100.0 * int(np.count_nonzero(result.outcomes.open_positions)) / result.candles,
        mean_holding_seconds=_mean([trade.exit.exit_time - trade.entry.entry_time for trade in trades]),
        max_consecutive_losses=max_consecutive_losses(trades),
        spread_cost=sum(trade.costs.spread for trade in trades) / QUANTA_PER_UNIT,
        slippage_cost=sum(trade.costs.slippage for trade in trades) / QUANTA_PER_UNIT,
        fx_days=len(returns),
        trades_per_day=len(trades) / len(returns),
    )


def win_rate_percent(trades: Sequence[ClosedTrade]) -> float | None:
    """Return wins / trades * 100; None without trades."""
    return 100.0 * sum(trade.profit > 0 for trade in trades) / len(trades) if trades else None


def profit_factor(trades: Iterable[ClosedTrade]) -> float | None:
    """Return the sum of all profits / the sum of all losses; None without losses (Schwager, Market Wizards, 1989)."""
    profits = [trade.profit for trade in trades]
    lost = -sum(profit for profit in profits if profit < 0)
    return sum(profit for profit in profits if profit > 0) / lost if lost else None


def expectancy_r(trades: Iterable[ClosedTrade]) -> float | None:
    """Return the mean profit in units of the money risked at entry (R multiples: Tharp, Trade Your Way, 1998).

    The money risked is abs(entry - stop loss) on the trade's units. Profit and risk are valued at one rate, so that
    units and rate cancel and R is the move in points / the distance of the stop in points.
    """
    return _mean([trade.exit.pnl_points / abs(trade.entry.entry_price - trade.entry.stop_loss) for trade in trades])


def max_drawdown(result: BacktestResult) -> Drawdown:
    """Return the largest (peak - equity) / peak over the equity at every candle, the start balance included."""
    equity = result.outcomes.equity
    peaks = np.maximum(np.maximum.accumulate(equity), result.start_balance)
    falls = (peaks - equity) / peaks
    trough = int(np.argmax(falls))
    if not falls[trough] > 0:
        return Drawdown(0.0, None, None)
    before = equity[: trough + 1]
    # The peak that is fallen from is the last candle at that height; there is none if it is the start balance alone.
    at_peak = np.flatnonzero(before == peaks[trough])
    peak_time = int(result.decision_times[at_peak[-1]]) if len(at_peak) else result.start_time
    return Drawdown(100.0 * float(falls[trough]), peak_time, int(result.decision_times[trough]))


def daily_returns(result: BacktestResult) -> Floats:
    """Return equity at the last candle of each FX day / equity at the last one of the day before - 1.

    Only days with candles count; the first day is measured from the start balance.
    """
    # With several granularities an older day's candle may be settled last; days never go back.
    days = np.maximum.accumulate(result.fx_days)
    last_of_day = np.concatenate((np.flatnonzero(days[1:] != days[:-1]), [len(days) - 1]))
    equity = np.concatenate(([result.start_balance], result.outcomes.equity[last_of_day])).astype(np.float64)
    returns: Floats = np.diff(equity) / equity[:-1]
    return returns


def sharpe_ratio(returns: Floats) -> float | None:
    """Return mean / sample deviation * sqrt(252) of daily returns, the riskless return taken as 0 (Sharpe 1994).

    None under 10 days or without deviation.
    """
    if len(returns) < FEWEST_DAYS:
        return None
    return _annualised(float(returns.mean()), float(returns.std(ddof=1)))


def sortino_ratio(returns: Floats) -> float | None:
    """Return mean / downside deviation * sqrt(252) of daily returns with a target of 0 (Sortino & Price 1994).

    The downside deviation is sqrt(mean(min(r, 0)**2)) over all days. None under 10 days or without deviation.
    """
    if len(returns) < FEWEST_DAYS:
        return None
    return _annualised(float(returns.mean()), math.sqrt(float(np.square(np.minimum(returns, 0.0)).mean())))


def calmar_ratio(growth: float, days: int, drawdown_percent: float) -> float | None:
    """Return the compound yearly growth in percent / the maximum drawdown in percent (Young 1991).

    `growth` is final equity / start balance over so many FX days, 252 to a year. None under 10 days, because
    a few days say nothing of a year, or without a drawdown.
    """
    if days < FEWEST_DAYS or not drawdown_percent:
        return None
    yearly_growth: float = max(growth, 0.0) ** (TRADING_DAYS_PER_YEAR / days)
    return 100.0 * (yearly_growth - 1.0) / drawdown_percent


def max_consecutive_losses(trades: Iterable[ClosedTrade]) -> int:
    """Return the longest row of losses in the order of exits; a trade without profit ends a row."""
    rows = groupby(trades, key=lambda trade: trade.profit < 0)
    return max((len(list(row)) for lost, row in rows if lost), default=0)


def _annualised(mean: float, deviation: float) -> float | None:
    # Equal returns may leave a deviation of rounding noise; it is none.
    if deviation <= 1e-12 * max(1.0, abs(mean)):
        return None
    return mean / deviation * math.sqrt(TRADING_DAYS_PER_YEAR)


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
