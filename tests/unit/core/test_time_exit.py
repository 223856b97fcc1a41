"""Time exit: entries at the next open, exits at the open some candles later."""

import pytest

from shared.core.types import (
    BUY,
    DAILY_LOSS_HALT,
    NO_SIDE,
    NO_SIGNAL,
    PASSED,
    POSITION_OPEN,
    SELL,
    STOP_INSIDE_SPREAD,
    TIMED,
    Assessment,
    Candle,
)
from tests.fixtures.market import M5, TUESDAY, Desk, account_params, assessment, candle

EUR = "EUR_USD"
BUYING, SELLING = assessment(BUY), assessment(SELL)


def later(index: int, opening: int = 110_000, *prices: int, spread: int = 10) -> Candle:
    """Return the candle `index` places after the first one."""
    return candle(TUESDAY + index * M5, opening, *prices, spread=spread)


def timed(*pairs: str, hold_candles: int = 3) -> Desk:
    """Return a desk in time-exit mode."""
    return Desk(*pairs, params=account_params(exit_mode=TIMED, hold_candles=hold_candles))


@pytest.mark.parametrize(("judged", "entry", "leave"), [(BUYING, 110_110, 110_300), (SELLING, 110_100, 110_310)])
def test_timed_entry_is_the_next_open_and_exit_the_open_after_holding(
    judged: Assessment, entry: int, leave: int
) -> None:
    desk = timed(EUR)
    decided = desk.step(EUR, later(0), judged)
    assert (decided.reason, decided.opened, desk.open_side(EUR)) == (PASSED, False, NO_SIDE)
    filled = desk.step(EUR, later(1, 110_100))
    assert (filled.reason, filled.opened) == (POSITION_OPEN, True)
    desk.step(EUR, later(2, 110_150))
    desk.step(EUR, later(3, 110_200))
    assert desk.trades == []
    desk.step(EUR, later(4, 110_300))
    trade = desk.trades[0]
    assert (trade.entry_time, trade.exit_time) == (TUESDAY + M5, TUESDAY + 4 * M5)
    assert (trade.entry_price, trade.exit_price, trade.exit_reason) == (entry, leave, "time_exit")


def test_timed_trade_pays_half_the_spread_of_both_opens_and_is_never_ambiguous() -> None:
    desk = timed(EUR, hold_candles=1)
    desk.step(EUR, later(0, spread=2), BUYING)
    desk.step(EUR, later(1, spread=10))
    desk.step(EUR, candle(TUESDAY + 2 * M5, spread=30))
    trade = desk.trades[0]
    assert (desk.log.spread_cost[0], desk.log.slippage_cost[0]) == (trade.units * (10 + 30) // 2 // 10, 0)
    assert not trade.ambiguous


def test_timed_position_ignores_its_stops() -> None:
    desk = timed(EUR)
    desk.step(EUR, later(0), BUYING)
    desk.step(EUR, later(1, 110_000, 111_000, 109_500))
    desk.step(EUR, later(2, 110_000, 111_000, 109_500))
    assert desk.open_side(EUR) == BUY


def test_timed_position_is_held_for_candles_not_for_time() -> None:
    desk = timed(EUR)
    desk.step(EUR, later(0), BUYING)
    for index in (1, 2, 600):
        desk.step(EUR, later(index))
    assert desk.open_side(EUR) == BUY
    desk.step(EUR, later(601))
    assert [trade.exit_time for trade in desk.trades] == [TUESDAY + 601 * M5]


def test_timed_signal_while_holding_is_refused_and_one_on_the_exit_candle_enters_the_next() -> None:
    desk = timed(EUR, hold_candles=1)
    desk.step(EUR, later(0), BUYING)
    assert desk.step(EUR, later(1), BUYING).reason == POSITION_OPEN
    assert desk.step(EUR, later(2), SELLING).reason == PASSED
    assert desk.step(EUR, later(3)).opened
    assert desk.open_side(EUR) == SELL


def test_every_timed_position_is_held_as_long_as_the_first() -> None:
    desk = timed(EUR, hold_candles=2)
    for index in range(8):
        desk.step(EUR, later(index), BUYING)
    assert [(trade.entry_time, trade.exit_time) for trade in desk.trades] == [
        (TUESDAY + 1 * M5, TUESDAY + 3 * M5),
        (TUESDAY + 4 * M5, TUESDAY + 6 * M5),
    ]


def test_timed_stops_are_sized_with_the_signals_atr_around_the_open() -> None:
    desk = timed(EUR)
    desk.step(EUR, later(0), assessment(BUY, atr=0.002))
    desk.step(EUR, later(1, 110_100, spread=20), assessment(atr=0.5))
    books = desk.books
    assert (books.entry_price[0], books.stop_loss[0], books.take_profit[0]) == (110_120, 109_820, 110_720)
    assert books.units[0] == 33_333


def test_timed_entry_is_refused_by_the_opens_spread() -> None:
    desk = timed(EUR)
    assert desk.step(EUR, later(0), BUYING).reason == PASSED
    outcome = desk.step(EUR, later(1, spread=150))
    assert (outcome.refusal, outcome.reason, outcome.opened) == (STOP_INSIDE_SPREAD, NO_SIGNAL, False)
    assert desk.open_side(EUR) == NO_SIDE


def test_timed_entry_in_yen_knows_only_the_close_before_and_its_exit_that_of_its_candle() -> None:
    desk = timed("USD_JPY", hold_candles=1)
    desk.step("USD_JPY", later(0, 100_000, spread=0), assessment(BUY, atr=0.1))
    desk.step("USD_JPY", later(1, 100_000, 125_000, 100_000, 125_000, spread=0))
    # 100 dollars are 10,000 yen at 100; the stop lies 0.150 yen away.
    assert desk.books.units[0] == 66_666
    desk.step("USD_JPY", later(2, 100_150, 100_150, 80_000, 80_000, spread=0))
    assert desk.trades[0].profit == round(66_666 * 150 * 10 / 80)


def test_halt_forgets_entries_that_wait_for_the_next_open() -> None:
    desk = timed("EUR_USD", "GBP_USD", hold_candles=9)
    desk.step("EUR_USD", later(0, spread=0), assessment(BUY, atr=0.1))
    desk.step("EUR_USD", later(1, spread=0))
    desk.books.units[0] = 30_000
    assert desk.step("GBP_USD", later(1, 130_000), BUYING).reason == PASSED
    desk.step("EUR_USD", later(2, 110_000, 110_000, 109_000, 109_000, spread=0))
    outcome = desk.step("GBP_USD", later(2, 130_000), BUYING)
    assert (outcome.opened, outcome.reason) == (False, DAILY_LOSS_HALT)
    assert [trade.exit_reason for trade in desk.trades] == ["daily_halt"]
    assert desk.open_side("GBP_USD") == NO_SIDE
