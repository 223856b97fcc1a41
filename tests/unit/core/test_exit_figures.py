"""What an exit is filled at and what it costs, to the point, and slippage at its smallest."""

import pytest

from shared.core.risk import ENTRY_LEG, slippage_points
from shared.core.types import BUY, SELL, STILL_OPEN, STOP_LOSS, TAKE_PROFIT, ExitReason, Side
from shared.core.venue import ExitFill, quote_exit
from tests.fixtures.market import M5, TUESDAY, Desk, account_params, assessment, candle, risk_params

EUR = "EUR_USD"


@pytest.mark.parametrize(
    ("side", "price", "reason"),
    [
        (BUY, 109_900, STOP_LOSS),
        (BUY, 109_901, STILL_OPEN),
        (BUY, 110_199, STILL_OPEN),
        (BUY, 110_200, TAKE_PROFIT),
        (SELL, 110_100, STOP_LOSS),
        (SELL, 110_099, STILL_OPEN),
        (SELL, 109_801, STILL_OPEN),
        (SELL, 109_800, TAKE_PROFIT),
    ],
)
def test_quote_closes_at_its_bid_or_ask_from_the_stop_or_target_on(side: Side, price: int, reason: ExitReason) -> None:
    bid, ask = (price, price + 7) if side == BUY else (price - 7, price)
    stop, target = (109_900, 110_200) if side == BUY else (110_100, 109_800)
    expected = ExitFill(STILL_OPEN, 0, 0, False, 0, 0)
    if reason != STILL_OPEN:
        expected = ExitFill(reason, price, 5, False, 0, 7)
    assert quote_exit(side, stop, target, bid, ask, 5) == expected


@pytest.mark.parametrize(("bid", "reason"), [(109_800, "stop_loss"), (110_400, "take_profit")])
def test_exit_at_a_quote_pays_half_the_spread_of_the_quote(bid: int, reason: str) -> None:
    desk = Desk(EUR)
    desk.step(EUR, candle(TUESDAY), assessment(BUY))
    desk.quote(EUR, bid, bid + 30, TUESDAY + M5 + 1)
    (trade,) = desk.trades
    assert (trade.exit_reason, trade.ambiguous) == (reason, False)
    assert (desk.log.spread_cost[0], desk.log.slippage_cost[0]) == (trade.units * (10 + 30) // 2 // 10, 0)


def test_exit_by_a_halt_pays_half_the_spread_of_the_last_close_and_no_slippage() -> None:
    desk = Desk(EUR, params=account_params(daily_loss_limit=50))
    desk.step(EUR, candle(TUESDAY), assessment(BUY))
    desk.step(EUR, candle(TUESDAY + M5, 110_000, 110_000, 109_900, 109_900, spread=30))
    (trade,) = desk.trades
    assert (trade.exit_reason, trade.ambiguous) == ("daily_halt", False)
    assert (desk.log.spread_cost[0], desk.log.slippage_cost[0]) == (trade.units * (10 + 30) // 2 // 10, 0)


def test_slippage_of_one_point_at_most_is_none_or_one() -> None:
    params = risk_params(max_slippage_points=1)
    assert {slippage_points(params, 1, 300 * index, ENTRY_LEG) for index in range(40)} == {0, 1}


def test_each_half_of_a_long_seed_counts() -> None:
    draws = {
        seed: tuple(
            slippage_points(risk_params(max_slippage_points=9, slippage_seed=seed), 1, 300 * index, ENTRY_LEG)
            for index in range(20)
        )
        for seed in (0, 1, 2**32, 2**33)
    }
    assert len(set(draws.values())) == 4


def test_prices_of_a_candle_are_its_eight_prices() -> None:
    shown = candle(TUESDAY, 110_000, 110_020, 109_990, 110_010, spread=10)
    assert shown.prices == (110_000, 110_020, 109_990, 110_010, 110_010, 110_030, 110_000, 110_020)
