"""The ranking window against numpy, on windows full of ties."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.indicators.ranking import (
    Ranking,
    empty_ranking,
    ranking_median,
    ranking_percentile,
    ranking_push,
    ranking_size,
)
from shared.core.types import list_of_floats, list_of_integers

few_values = st.integers(0, 4).map(float)
any_values = st.floats(-1e9, 1e9, allow_subnormal=False)
values = st.one_of(st.lists(few_values, min_size=1, max_size=60), st.lists(any_values, min_size=1, max_size=60))


def window(capacity: int) -> Ranking:
    """Return an empty window in plain lists."""
    return empty_ranking(capacity, list_of_integers, list_of_floats)


@given(values, st.integers(2, 12))
def test_median_equals_numpys_after_every_value(values: list[float], capacity: int) -> None:
    ranking = window(capacity)
    for count, value in enumerate(values, start=1):
        ranking_push(ranking, value)
        held = values[max(0, count - capacity) : count]
        assert ranking_size(ranking) == len(held)
        assert ranking_median(ranking) == float(np.median(held))


@given(values, st.integers(2, 12), st.floats(0.0, 100.0))
def test_percentile_equals_numpys_linear_one(values: list[float], capacity: int, percent: float) -> None:
    ranking = window(capacity)
    for value in values:
        ranking_push(ranking, value)
    held = values[-capacity:]
    tolerance = 1e-12 * max(abs(value) for value in held)
    assert abs(ranking_percentile(ranking, percent) - float(np.percentile(held, percent))) <= tolerance


@given(st.lists(few_values, min_size=100, max_size=300), st.sampled_from([25.0, 35.0, 45.0]))
@settings(max_examples=30)
def test_windows_of_the_strategies_equal_numpys(values: list[float], percent: float) -> None:
    medians, widths = window(200), window(100)
    for value in values:
        ranking_push(medians, value)
        ranking_push(widths, value)
    assert ranking_median(medians) == float(np.median(values[-200:]))
    assert abs(ranking_percentile(widths, percent) - float(np.percentile(values[-100:], percent))) < 1e-12


@given(values)
def test_percentiles_0_50_and_100_are_minimum_median_and_maximum(values: list[float]) -> None:
    ranking = window(len(values))
    for value in values:
        ranking_push(ranking, value)
    assert ranking_percentile(ranking, 0.0) == min(values)
    assert ranking_percentile(ranking, 100.0) == max(values)
    assert abs(ranking_percentile(ranking, 50.0) - float(np.median(values))) <= 1e-6
