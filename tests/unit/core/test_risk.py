"""Stops, sizes and refusals of orders, and where slippage draws come from."""

from fractions import Fraction
from itertools import product

import pytest

from shared.core.risk import (
    ENTRY_LEG,
    EXIT_LEG,
    Order,
    Rate,
    RiskParams,
    price_order,
    profit_quanta,
    size_order,
    slippage_points,
    tolerant_floor,
)
from shared.core.types import (
    BUY,
    NO_CONVERSION_RATE,
    NO_SIDE,
    PASSED,
    SELL,
    SIZE_BELOW_MINIMUM,
    STOP_INSIDE_SPREAD,
    Side,
)
from tests.fixtures.market import risk_params

POINTS = 100_000
DOLLAR = Rate(1, 1)
TEN_THOUSAND = 100_000_000


def priced(side: Side, bid: int = 110_000, ask: int = 110_010, atr: float = 0.001, slippage: int = 0) -> Order:
    """Return an order priced around bid and ask with default parameters."""
    return price_order(side, bid, ask, atr, slippage, POINTS, risk_params())


def sized(
    order: Order,
    equity: int = TEN_THOUSAND,
    open_notional: float = 0.0,
    rate: Rate = DOLLAR,
    params: RiskParams | None = None,
) -> Order:
    """Return the order sized for 10,000 of the account currency."""
    return size_order(order, equity, open_notional, POINTS, 1, rate, params or risk_params())


def test_buy_enters_at_ask_with_stops_around_it_and_sell_at_bid() -> None:
    assert priced(BUY) == Order(BUY, 0, 110_010, 109_860, 110_310, 0, PASSED)
    assert priced(SELL) == Order(SELL, 0, 110_000, 110_150, 109_700, 0, PASSED)


def test_slippage_moves_the_entry_and_its_stops_against_the_position() -> None:
    assert priced(BUY, slippage=3) == Order(BUY, 0, 110_013, 109_863, 110_313, 3, PASSED)
    assert priced(SELL, slippage=3) == Order(SELL, 0, 109_997, 110_147, 109_697, 3, PASSED)


@pytest.mark.parametrize(
    ("points_of_atr", "stop_distances", "target_distances"),
    [
        # 1.5 ATR = 100.5 points: a tie goes up, so a long stop comes nearer and a short one goes further away.
        (67.0, (100, 101), (201, 201)),
        (67.2, (101, 101), (202, 202)),
        (66.8, (100, 100), (200, 200)),
        # 3 ATR = 200.5 points.
        (200.5 / 3, (100, 100), (201, 200)),
    ],
)
def test_stops_go_to_the_nearest_point_and_ties_up(
    points_of_atr: float, stop_distances: tuple[int, int], target_distances: tuple[int, int]
) -> None:
    bought, sold = priced(BUY, atr=points_of_atr / POINTS), priced(SELL, atr=points_of_atr / POINTS)
    assert (bought.entry_price - bought.stop_loss, sold.stop_loss - sold.entry_price) == stop_distances
    assert (bought.take_profit - bought.entry_price, sold.entry_price - sold.take_profit) == target_distances


@pytest.mark.parametrize("side", [BUY, SELL])
def test_stop_on_the_far_side_of_the_spread_is_refused_and_one_point_beyond_it_is_not(side: Side) -> None:
    # The stop lies 15 points from the entry: with a spread of 15 it sits on the other price exactly.
    on_it = priced(side, ask=110_015, atr=0.0001)
    beyond = priced(side, ask=110_014, atr=0.0001)
    inside = priced(side, ask=110_016, atr=0.0001)
    assert (on_it.side, on_it.refusal) == (NO_SIDE, STOP_INSIDE_SPREAD)
    assert (inside.side, inside.refusal) == (NO_SIDE, STOP_INSIDE_SPREAD)
    assert (beyond.side, beyond.refusal) == (side, PASSED)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_slippage_can_push_the_stop_into_the_spread(side: Side) -> None:
    assert priced(side, ask=110_010, atr=0.0001, slippage=4).refusal == PASSED
    assert priced(side, ask=110_010, atr=0.0001, slippage=5).refusal == STOP_INSIDE_SPREAD


def test_units_risk_one_percent_of_equity_at_the_stop() -> None:
    order = sized(priced(BUY))
    assert order.units == 66_666
    loss = profit_quanta(order.stop_loss - order.entry_price, order.units, POINTS, DOLLAR)
    assert -1_000_000 <= loss < -1_000_000 + 15


def test_units_follow_equity_and_the_conversion_rate() -> None:
    assert sized(priced(BUY), equity=TEN_THOUSAND // 2).units == 33_333
    assert sized(priced(BUY), rate=Rate(5, 4)).units == 53_333
    yen = price_order(BUY, 110_000, 110_010, 0.1, 0, 1_000, risk_params())
    assert size_order(yen, TEN_THOUSAND, 0.0, 1_000, 1, Rate(2_000, 220_000), risk_params()).units == 73_333


def test_stop_distance_counts_as_rounded() -> None:
    # 1.5 ATR = 100.4 points, of which 100 remain.
    assert sized(priced(BUY, atr=100.4 / 1.5 / POINTS)).units == 100_000


def test_size_that_is_whole_but_for_float_noise_is_not_cut_by_one() -> None:
    exact = [
        (points, Fraction(100) / Fraction(points, POINTS))
        for points in (100, 125, 160, 200, 250, 320, 400, 500, 625, 800)
    ]
    for points, units in exact:
        assert units.denominator == 1
        order = Order(BUY, 0, 110_000, 110_000 - points, 110_000 + 2 * points, 0, PASSED)
        assert sized(order, params=risk_params(max_leverage=1e6)).units == units


@pytest.mark.parametrize(
    ("quotient", "floor"),
    [
        (1.0, 1),
        (0.9999999999995, 1),
        (0.999999999998, 0),
        (0.0, 0),
        (2_999_999.9999999995, 3_000_000),
        (2_999_999.99999, 2_999_999),
        (-0.5, -1),
        (-3.0, -3),
    ],
)
def test_quotient_within_a_relative_1e_12_of_the_next_integer_is_that_integer(quotient: float, floor: int) -> None:
    assert tolerant_floor(quotient) == floor


def test_leverage_cap_counts_what_is_open_already() -> None:
    tight = priced(BUY, ask=110_000, atr=0.0002)
    assert tight.stop_loss == 109_970
    assert sized(tight).units == 300_000 * 10 // 11
    assert sized(tight, open_notional=190_000.0).units == 100_000
    assert sized(tight, open_notional=299_998.8).units == 1


def test_no_room_under_the_leverage_cap_refuses_the_size() -> None:
    tight = priced(BUY, ask=110_000, atr=0.0002)
    assert sized(tight, open_notional=300_000.0).refusal == SIZE_BELOW_MINIMUM
    assert sized(tight, open_notional=400_000.0) == Order(NO_SIDE, 0, 0, 0, 0, 0, SIZE_BELOW_MINIMUM)


@pytest.mark.parametrize(("minimum", "refusal"), [(0, PASSED), (1, PASSED), (66_666, PASSED), (66_667, 18)])
def test_size_below_the_minimum_is_refused(minimum: int, refusal: int) -> None:
    assert sized(priced(BUY), params=risk_params(minimum_units=minimum)).refusal == refusal


@pytest.mark.parametrize("equity", [0, -TEN_THOUSAND, 149])
def test_equity_too_small_for_one_unit_is_refused_whatever_the_minimum(equity: int) -> None:
    # One unit risks 0.0015: an equity below 0.15 cannot pay it with one percent.
    assert sized(priced(BUY), equity=equity, params=risk_params(minimum_units=0)).refusal == SIZE_BELOW_MINIMUM


def test_equity_that_pays_for_one_unit_buys_one_unit() -> None:
    assert sized(priced(BUY), equity=1500).units == 1
    assert sized(priced(BUY), equity=1499).refusal == SIZE_BELOW_MINIMUM


def test_unknown_conversion_rate_is_refused_before_the_size() -> None:
    unknown = Rate(0, 0)
    assert sized(priced(BUY), rate=unknown).refusal == NO_CONVERSION_RATE
    assert sized(priced(BUY), equity=0, rate=unknown).refusal == NO_CONVERSION_RATE


def test_slippage_without_a_maximum_is_nothing() -> None:
    assert slippage_points(risk_params(), 1, 2, ENTRY_LEG) == 0


def test_slippage_depends_on_seed_pair_time_and_leg() -> None:
    drawn = {
        key: [
            slippage_points(risk_params(max_slippage_points=1000, slippage_seed=seed), pair, time + 300 * n, leg)
            for n in range(8)
        ]
        for key in product((0, 1), (10, 11), (0, 2**32), (ENTRY_LEG, EXIT_LEG))
        for seed, pair, time, leg in [key]
    }
    assert len({tuple(values) for values in drawn.values()}) == 16


def test_slippage_does_not_depend_on_the_order_of_the_draws() -> None:
    params = risk_params(max_slippage_points=9, slippage_seed=5)
    keys = [(pair, 300 * index, leg) for pair in (1, 2) for index in range(50) for leg in (ENTRY_LEG, EXIT_LEG)]
    forwards = {key: slippage_points(params, *key) for key in keys}
    backwards = {key: slippage_points(params, *key) for key in reversed(keys)}
    assert forwards == backwards


def test_slippage_is_the_same_on_every_machine() -> None:
    params = risk_params(max_slippage_points=10, slippage_seed=2014)
    drawn = [slippage_points(params, 3_421_780_262, 1_398_729_600 + 300 * index, index % 2) for index in range(12)]
    assert drawn == [6, 3, 9, 10, 0, 9, 7, 3, 0, 10, 7, 8]
