"""The figures of a trading day, to the quantum."""

from services.executor.days import DayTally, begin_day, day_row, tally
from shared.contracts.trades import ClosedTrade, Entry, Exit, TradeCosts
from shared.core.books import AccountState
from shared.core.types import BUY, OPERATOR_CLOSE


def trade(pnl: int) -> ClosedTrade:
    """Return a trade that earned so much."""
    entry = Entry(
        pair="EUR_USD",
        strategy="ema_vwap",
        side=BUY,
        units=1,
        entry_time=0,
        entry_price=1,
        stop_loss=1,
        take_profit=1,
        digits=5,
    )
    return ClosedTrade(
        entry,
        Exit(exit_time=1, exit_price=1, exit_reason=OPERATOR_CLOSE, pnl_points=0, pnl=pnl, ambiguous=False),
        TradeCosts(0, 0),
    )


def state(equity: int, day: int = 5, halted: bool = False) -> AccountState:
    """Return an account with some equity on a trading day that began with 1,000."""
    return AccountState(
        balance=equity,
        equity=equity,
        trading_day=day,
        day_start_equity=1_000,
        halted=halted,
        open_positions=0,
        closed_trades=0,
    )


def test_day_counts_what_closed_in_it_and_a_trade_that_earned_nothing_neither_won_nor_lost() -> None:
    day = tally(begin_day(5, 1_000), state(1_001), 1_000, [trade(1), trade(0), trade(-1), trade(7)])
    assert (day.realised, day.trades, day.wins, day.losses) == (7, 4, 2, 1)
    day = tally(day, state(990, halted=True), 990, [trade(-11)])
    assert (day.realised, day.trades, day.wins, day.losses, day.halted) == (-4, 5, 2, 2, True)


def test_days_lowest_equity_is_the_lowest_of_what_the_gates_saw_and_what_was_left() -> None:
    day = tally(begin_day(5, 1_000), state(980), 990, [])
    assert tally(day, state(985), 970, []).lowest_equity == 970
    assert tally(day, state(985), 990, []).lowest_equity == 980


def test_next_trading_day_begins_anew_with_its_own_baseline() -> None:
    before = DayTally(trading_day=4, start_equity=2_000, lowest_equity=1, realised=9, trades=9, wins=5, losses=4)
    day = tally(before, state(1_010), 1_005, [trade(10)])
    assert day == DayTally(trading_day=5, start_equity=1_000, lowest_equity=1_000, realised=10, trades=1, wins=1)


def test_drawdown_is_a_share_of_the_equity_at_the_days_start() -> None:
    row = day_row(begin_day(5, 1_000)._replace(lowest_equity=970), 985)
    assert (row.max_drawdown_ratio, row.start_equity, row.end_equity) == (0.03, 1_000, 985)
    assert day_row(begin_day(5, 1)._replace(lowest_equity=0), 0).max_drawdown_ratio == 1.0
    assert day_row(begin_day(5, 0), 0).max_drawdown_ratio == 0.0
