"""Signals of each strategy on small series, and each of their conditions just missed."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf, nan, nextafter
from random import Random
from typing import NamedTuple

import pytest

from shared.contracts.params import SETTINGS_SECTIONS
from shared.core.market import market_step
from shared.core.strategies import (
    STRATEGIES,
    STRATEGY_NAMES,
    bb_breakout,
    ema_vwap,
    strategy_named,
    strategy_of,
    told_apart,
    vwap_rsi,
)
from shared.core.strategies.bb_breakout import BreakoutParams
from shared.core.strategies.ema_vwap import EmaVwapParams
from shared.core.strategies.vwap_rsi import VwapRsiParams
from shared.core.strategy import AnyStrategy
from shared.core.types import BUY, NO_SIDE, SELL, Bar, Readings, list_of_floats, list_of_integers
from tests.fixtures.market import bar, facts, fresh_market, market_params, random_candles

by_strategy = pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda each: each.name)
NEXT_DAY = 1


# Two averages cross.


def cross(last: Bar, *, k: float = 0.25, atr: float = 1.0, before: Sequence[Bar] = (bar(1.0),) * 30) -> int:
    """Return the signal of the last bar after a market that stood at 1, so that the averages were equal."""
    state = ema_vwap.START
    for each in before:
        state, _, _ = ema_vwap.step(state, (), each, atr, EmaVwapParams(k))
    return ema_vwap.step(state, (), last, atr, EmaVwapParams(k))[1]


def test_cross_upwards_buys_and_downwards_sells() -> None:
    assert cross(bar(1.5)) == BUY
    assert cross(bar(0.5)) == SELL
    assert cross(bar(1.0)) == NO_SIDE


def test_averages_that_are_crossed_already_do_not_signal_again() -> None:
    flat = [bar(1.0)] * 30
    assert cross(bar(1.75), before=[*flat, bar(1.5)]) == NO_SIDE
    assert cross(bar(0.25), before=[*flat, bar(0.5)]) == NO_SIDE
    assert cross(bar(0.25), before=[*flat, bar(1.0625)]) == SELL


@pytest.mark.parametrize(("atr", "signal"), [(1.0, NO_SIDE), (1.0001, BUY), (0.5, NO_SIDE)])
def test_cross_upwards_needs_a_close_above_vwap_less_a_part_of_the_atr(atr: float, signal: int) -> None:
    # A new day's VWAP is the bar's own typical price: 1.5, a quarter above the close.
    assert cross(Bar(2.0, 1.25, 1.25, 100.0, NEXT_DAY, 0.25), k=0.25, atr=atr) == signal


@pytest.mark.parametrize(("atr", "signal"), [(1.0, NO_SIDE), (1.0001, SELL), (0.5, NO_SIDE)])
def test_cross_downwards_needs_a_close_below_vwap_plus_a_part_of_the_atr(atr: float, signal: int) -> None:
    assert cross(Bar(0.75, 0.0, 0.75, 100.0, NEXT_DAY, -0.25), k=0.25, atr=atr) == signal


def test_cross_does_not_signal_before_both_averages_were_valid_on_the_bar_before() -> None:
    assert cross(bar(1.5), before=[bar(1.0)] * 20) == NO_SIDE
    assert cross(bar(1.5), before=[bar(1.0)] * 21) == BUY


def test_cross_does_not_signal_without_atr_or_volume() -> None:
    assert cross(bar(1.5), atr=nan) == NO_SIDE
    assert cross(bar(1.5, volume=0.0, day=NEXT_DAY)) == NO_SIDE
    assert cross(bar(1.5, volume=1.0, day=NEXT_DAY)) == BUY


# A short RSI in a range.


LIMITS = VwapRsiParams(25.0, 75.0, 0.25)


def stretch(closes: Sequence[float], *, params: VwapRsiParams = LIMITS, atr: float = 1.0) -> tuple[int, Readings]:
    """Return the signal and the figures of the last close, which begins a day and is therefore its VWAP."""
    state = vwap_rsi.START
    for before, close in zip([nan, *closes], closes[:-1], strict=False):
        state, _, _ = vwap_rsi.step(state, (), bar(close, before=before), atr, params)
    last = bar(closes[-1], day=NEXT_DAY, before=closes[-2])
    _, signal, readings = vwap_rsi.step(state, (), last, atr, params)
    return signal, readings


def test_fall_buys_and_rise_sells() -> None:
    assert stretch([4.0, 3.0, 2.0, 1.0])[0] == BUY
    assert stretch([1.0, 2.0, 3.0, 4.0])[0] == SELL
    assert stretch([1.0, 2.0, 1.0, 2.0])[0] == NO_SIDE
    assert stretch([1.0, 1.0, 1.0, 1.0])[0] == NO_SIDE


def test_rsi_at_its_limit_does_not_signal_and_just_beyond_it_does() -> None:
    falling, rising = [4.0, 5.0, 3.0, 2.0], [4.0, 3.0, 5.0, 6.0]
    low, high = stretch(falling)[1].first, stretch(rising)[1].first
    assert (low, high) == pytest.approx((25.0, 75.0))
    assert stretch(falling, params=VwapRsiParams(low, 100.0, 0.25))[0] == NO_SIDE
    assert stretch(falling, params=VwapRsiParams(nextafter(low, inf), 100.0, 0.25))[0] == BUY
    assert stretch(rising, params=VwapRsiParams(0.0, high, 0.25))[0] == NO_SIDE
    assert stretch(rising, params=VwapRsiParams(0.0, nextafter(high, 0.0), 0.25))[0] == SELL


@pytest.mark.parametrize(("atr", "buys"), [(1.0, False), (1.0001, True), (0.9999, False)])
def test_fall_below_vwap_by_more_than_a_part_of_the_atr_is_not_bought(atr: float, buys: bool) -> None:
    state, params = vwap_rsi.START, LIMITS
    for before, close in pairwise((nan, 4.0, 3.5, 3.0)):
        state, _, _ = vwap_rsi.step(state, (), bar(close, before=before), atr, params)
    # Typical prices 1.5 and 0.75 about a close of 1.25 and 1.0: the close misses VWAP by a quarter.
    _, bought, _ = vwap_rsi.step(state, (), Bar(2.0, 1.25, 1.25, 100.0, NEXT_DAY, -1.75), atr, params)
    assert (bought == BUY) is buys
    state = vwap_rsi.START
    for before, close in pairwise((nan, 0.25, 0.5, 0.75)):
        state, _, _ = vwap_rsi.step(state, (), bar(close, before=before), atr, params)
    _, sold, _ = vwap_rsi.step(state, (), Bar(1.0, 0.25, 1.0, 100.0, NEXT_DAY, 0.25), atr, params)
    assert (sold == SELL) is buys


def test_stretch_does_not_signal_before_three_changes_nor_without_atr() -> None:
    assert stretch([3.0, 2.0, 1.0])[0] == NO_SIDE
    assert stretch([4.0, 3.0, 2.0, 1.0], atr=nan)[0] == NO_SIDE


# A squeeze of the bands breaks.

SQUEEZE = [1.0 + (0.002 if index < 90 else 0.001) * (-1) ** index for index in range(140)]
EASY = BreakoutParams(1.2, 35.0, 1.02)


def breakout(
    last: float, *, volume: float = 200.0, params: BreakoutParams = EASY, before: Sequence[float] = SQUEEZE
) -> tuple[int, Readings]:
    """Return the signal and the figures of the last close; all volumes before it are 100."""
    state, cells = bb_breakout.START, bb_breakout.empty_cells(list_of_integers, list_of_floats)
    for close in before:
        state, _, _ = bb_breakout.step(state, cells, bar(close), 1.0, params)
    _, signal, readings = bb_breakout.step(state, cells, bar(last, volume=volume), 1.0, params)
    return signal, readings


def test_close_above_the_bands_buys_and_below_sells() -> None:
    assert breakout(1.01)[0] == BUY
    assert breakout(0.99)[0] == SELL
    assert breakout(1.0)[0] == NO_SIDE


def test_breakout_reads_the_volumes_before_its_own() -> None:
    assert breakout(1.01)[1].sixth == 100.0
    assert breakout(1.01, volume=120.0)[0] == NO_SIDE
    assert breakout(1.01, volume=120.001)[0] == BUY


def test_breakout_needs_widths_that_were_narrow_before_it() -> None:
    wide_after_narrow = [1.0 + (0.001 if index < 90 else 0.002) * (-1) ** index for index in range(140)]
    assert breakout(1.02, before=wide_after_narrow)[0] == NO_SIDE
    assert breakout(1.02)[0] == BUY
    readings = breakout(1.01)[1]
    assert readings.fourth <= readings.fifth


def test_width_equal_to_its_percentile_counts_as_narrow() -> None:
    # Every width of a market that swings evenly is the same, and so is its percentile.
    even = [1.0 + 0.25 * (-1) ** index for index in range(140)]
    signal, readings = breakout(2.0, before=even)
    assert readings.fourth == readings.fifth
    assert signal == BUY


def test_breakout_needs_bands_that_widen_enough() -> None:
    readings = breakout(1.01)[1]
    growth = readings.third / readings.fourth
    assert breakout(1.01, params=EASY._replace(e=growth * 1.000001))[0] == NO_SIDE
    assert breakout(1.01, params=EASY._replace(e=growth * 0.999999))[0] == BUY


def test_close_just_within_its_own_band_is_not_beyond_it() -> None:
    within, beyond = 1.0, 1.01
    for _ in range(60):
        middle = (within + beyond) / 2.0
        if middle > breakout(middle)[1].first:
            beyond = middle
        else:
            within = middle
    always = BreakoutParams(1.2, 35.0, 0.5)
    assert breakout(within, params=always)[0] == NO_SIDE
    assert breakout(beyond, params=always)[0] == BUY


def test_close_on_its_own_lower_band_is_not_beyond_it() -> None:
    """Of twenty closes four at 5 and the others at 10 have their mean at 9 and deviate by 2."""
    wild = [4.0 if index % 2 else 16.0 for index in range(120)]
    before = [*wild, *[10.0] * 17, *[5.0] * 3]
    signal, readings = breakout(5.0, before=before, params=BreakoutParams(1.2, 100.0, 1.0))
    assert (signal, readings.second, readings.fourth < readings.third) == (NO_SIDE, 5.0, True)
    assert breakout(4.99, before=before, params=BreakoutParams(1.2, 100.0, 1.0))[0] == SELL


def test_bands_that_widen_by_just_the_factor_do_not_widen_enough() -> None:
    figures = breakout(1.01)[1]
    factor = figures.third / figures.fourth
    assert factor * figures.fourth == figures.third
    assert breakout(1.01, params=EASY._replace(e=factor))[0] == NO_SIDE
    assert breakout(1.01, params=EASY._replace(e=nextafter(factor, 0.0)))[0] == BUY


@pytest.mark.parametrize(("bars", "known"), [(19, False), (20, True)])
def test_mean_volume_stands_from_the_twenty_first_bar_on(bars: int, known: bool) -> None:
    volume_mean = breakout(1.0, before=[1.0] * bars)[1].sixth
    assert (volume_mean == 100.0) == known


def test_breakout_waits_for_a_hundred_widths_before_the_bar() -> None:
    assert breakout(1.01, before=SQUEEZE[-118:])[0] == NO_SIDE
    assert breakout(1.01, before=SQUEEZE[-119:])[0] == BUY


# All strategies.


def test_profiles_are_those_of_the_trading_rules() -> None:
    told = {
        "ema_vwap": {"conservative": (0.1,), "normal": (0.2,), "aggressive": (0.3,)},
        "vwap_rsi": {"conservative": (20.0, 80.0, 0.05), "normal": (25.0, 75.0, 0.1), "aggressive": (30.0, 70.0, 0.15)},
        "bb_breakout": {
            "conservative": (1.4, 25.0, 1.05),
            "normal": (1.2, 35.0, 1.02),
            "aggressive": (1.05, 45.0, 1.0),
        },
    }
    for name, profiles in told.items():
        assert {
            profile: tuple(params) for profile, params in strategy_named(name).profiles._asdict().items()
        } == profiles


@by_strategy
def test_strategy_names_all_the_figures_it_shows(strategy: AnyStrategy) -> None:
    params = market_params(strategy=strategy.name)
    state, cells = fresh_market(params)
    readings = None
    for each in random_candles(Random(5), 200):
        state, assessment = market_step(state, cells, each, facts(each), params)
        readings = assessment.readings
    assert readings is not None
    shown = [figure == figure for figure in readings]  # noqa: PLR0124  (NaN is the only figure unlike itself)
    assert shown == [place < len(strategy.reading_names) for place in range(len(readings))]


@by_strategy
def test_strategy_signals_both_ways_but_never_before_its_inputs_are_valid(strategy: AnyStrategy) -> None:
    first_possible = {"ema_vwap": 21, "vwap_rsi": 14, "bb_breakout": 119}.get(strategy.name, 1)
    seen: set[int] = set()
    for seed in range(6):
        params = market_params(strategy=strategy.name, profile="aggressive")
        state, cells = fresh_market(params)
        for index, each in enumerate(random_candles(Random(seed), 600)):
            state, assessment = market_step(state, cells, each, facts(each), params)
            assert assessment.signal == NO_SIDE or index >= first_possible
            seen.add(assessment.signal)
    assert seen == {NO_SIDE, BUY, SELL}


@by_strategy
def test_strategy_is_found_by_its_name_and_by_its_parameters(strategy: AnyStrategy) -> None:
    assert strategy_named(strategy.name) is strategy
    assert strategy_of(strategy.profiles.normal) is strategy


@by_strategy
def test_strategy_says_what_each_parameter_is_and_keeps_its_own_bounds(strategy: AnyStrategy) -> None:
    for name, said in strategy.parameters.items():
        assert said.sentence
        assert said.unit
        for params in strategy.profiles:
            value = getattr(params, name)
            assert said.above is None or value > said.above
            assert said.at_least is None or value >= said.at_least
            assert said.below is None or value < said.below
            assert said.at_most is None or value <= said.at_most


def test_no_strategy_has_the_name_of_a_section_of_the_settings() -> None:
    assert not set(STRATEGY_NAMES) & set(SETTINGS_SECTIONS)


def test_strategies_that_cannot_be_told_apart_are_refused() -> None:
    class EmaVwapParams(NamedTuple):
        k: float = 0.2

    shipped: AnyStrategy = ema_vwap.STRATEGY
    twin = replace(shipped, name="twin", params=EmaVwapParams)
    with pytest.raises(TypeError, match="two strategies say EmaVwapParams"):
        told_apart((*STRATEGIES, twin))
    with pytest.raises(TypeError, match="two strategies say ema_vwap"):
        told_apart((*STRATEGIES, replace(shipped, params=tuple)))
