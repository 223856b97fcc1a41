"""Exact money, tolerant floors and draws of slippage, for all the numbers there are."""

import math
from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from shared.core.risk import Rate, profit_quanta, scale_half_even, slippage_points, tolerant_floor
from tests.fixtures.market import risk_params

huge = st.integers(-(10**30), 10**30)
factor = st.integers(1, 10**12)


@given(huge, factor, factor)
def test_scaling_rounds_the_exact_quotient_half_to_even(value: int, numerator: int, denominator: int) -> None:
    assert scale_half_even(value, numerator, denominator) == round(Fraction(value * numerator, denominator))


@given(st.integers(-(10**6), 10**6), st.sampled_from([2, 4, 10, 20, 200, 2000]))
def test_scaling_takes_ties_to_the_even_neighbour(value: int, denominator: int) -> None:
    tie = value * denominator + denominator // 2
    assert scale_half_even(tie, 1, denominator) % 2 == 0


@given(st.integers(-(10**15), 10**15), factor, factor)
def test_scaling_is_odd(value: int, numerator: int, denominator: int) -> None:
    assert scale_half_even(-value, numerator, denominator) == -scale_half_even(value, numerator, denominator)


@given(
    st.integers(-(10**6), 10**6),
    st.integers(1, 10**9),
    st.sampled_from([10, 10**3, 10**4, 10**5, 10**7]),
    st.integers(1, 400_000),
    st.integers(1, 400_000),
)
def test_profit_is_points_times_units_times_rate_in_quanta(
    points: int, units: int, points_per_price: int, numerator: int, denominator: int
) -> None:
    exact = Fraction(points, points_per_price) * units * Fraction(numerator, denominator) * 10_000
    assert profit_quanta(points, units, points_per_price, Rate(numerator, denominator)) == round(exact)


@given(st.integers(1, 10**9))
def test_floor_forgives_float_noise_below_an_integer(whole: int) -> None:
    assert tolerant_floor(float(whole)) == whole
    assert tolerant_floor(math.nextafter(whole, 0.0)) == whole
    assert tolerant_floor(whole * (1.0 - 0.9e-12)) == whole
    assert tolerant_floor(whole * (1.0 - 2.0e-12)) == whole - 1


@given(st.floats(0.001, 1e9))
def test_floor_is_never_above_its_quotient_by_more_than_the_tolerance(quotient: float) -> None:
    found = tolerant_floor(quotient)
    assert found in {math.floor(quotient), math.floor(quotient) + 1}
    assert found <= quotient * (1.0 + 1.01e-12)


@given(st.integers(0, 2**31), st.integers(0, 2**32 - 1), st.integers(0, 2**33), st.integers(0, 1), st.integers(0, 50))
def test_slippage_is_adverse_whole_points_up_to_the_maximum_and_repeats(
    seed: int, key: int, time: int, leg: int, most: int
) -> None:
    params = risk_params(max_slippage_points=most, slippage_seed=seed)
    drawn = slippage_points(params, key, time, leg)
    assert 0 <= drawn <= most
    assert isinstance(drawn, int)
    assert slippage_points(params, key, time, leg) == drawn


@given(st.integers(0, 2**31), st.integers(1, 2**32 - 1))
def test_slippage_is_uniform_over_the_candles_of_a_week(seed: int, key: int) -> None:
    params = risk_params(max_slippage_points=4, slippage_seed=seed)
    counts = Counter(slippage_points(params, key, 1_398_700_000 + 300 * index, index % 2) for index in range(2000))
    assert set(counts) == set(range(5))
    # 400 each are expected, with a deviation of 18.
    assert all(280 < count < 520 for count in counts.values())
