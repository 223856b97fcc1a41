"""Statistics of the trading day, kept up from outcome to outcome."""

from typing import NamedTuple

from shared.contracts.trades import ClosedTrade
from shared.core.books import AccountState
from shared.store.rows.ledger import DailyStatsRow


class DayTally(NamedTuple):
    """What a trading day has brought so far; money in quanta, `lowest_equity` since its start."""

    trading_day: int
    start_equity: int
    lowest_equity: int
    realised: int = 0
    trades: int = 0
    wins: int = 0
    losses: int = 0
    halted: bool = False


def begin_day(trading_day: int, start_equity: int) -> DayTally:
    """Return the tally of a day that has just begun."""
    return DayTally(trading_day=trading_day, start_equity=start_equity, lowest_equity=start_equity)


def tally(day: DayTally, state: AccountState, judged_equity: int, closed: list[ClosedTrade]) -> DayTally:
    """Return the tally after one more candle; `judged_equity` is the equity that the gates saw."""
    if state.trading_day != day.trading_day:
        day = begin_day(state.trading_day, state.day_start_equity)
    return day._replace(
        lowest_equity=min(day.lowest_equity, judged_equity, state.equity),
        realised=day.realised + sum(trade.profit for trade in closed),
        trades=day.trades + len(closed),
        wins=day.wins + sum(trade.profit > 0 for trade in closed),
        losses=day.losses + sum(trade.profit < 0 for trade in closed),
        halted=state.halted,
    )


def day_row(day: DayTally, equity: int) -> DailyStatsRow:
    """Return the row of a day whose equity is now `equity`."""
    drawdown = (day.start_equity - day.lowest_equity) / day.start_equity if day.start_equity > 0 else 0.0
    return DailyStatsRow(
        trading_day=day.trading_day,
        start_equity=day.start_equity,
        end_equity=equity,
        realised_pnl=day.realised,
        trades=day.trades,
        wins=day.wins,
        losses=day.losses,
        max_drawdown_ratio=drawdown,
        halted=day.halted,
    )
