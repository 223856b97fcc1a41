"""Indicator columns: the same figures in plain Python and compiled, empty until their first value."""

import math

import numpy as np
import pytest

from services.backtest import indicator_columns
from services.backtest.indicator_columns import IndicatorColumns, IndicatorPeriods, compute_indicators
from shared.contracts.instruments import instrument
from shared.core.columns import CandleSeries
from shared.core.types import SECONDS_PER_DAY

_COUNT = 400


def _series() -> CandleSeries:
    steps = np.random.default_rng(7).integers(-30, 31, (_COUNT, 4))
    close = 130_000 + steps[:, 0].cumsum()
    opened = close + steps[:, 1]
    high = np.maximum(opened, close) + np.abs(steps[:, 2])
    low = np.minimum(opened, close) - np.abs(steps[:, 3])
    bid = (opened, high, low, close)
    time = 1_400_000_100 // 300 * 300 + 300 * np.arange(_COUNT)
    ask = (side + 8 for side in bid)
    return CandleSeries._make((instrument("EUR_USD"), 300, time, *bid, *ask, np.full(_COUNT, 5.0)))


def _computed(periods: IndicatorPeriods) -> IndicatorColumns:
    series = _series()
    return compute_indicators(series, series.time // SECONDS_PER_DAY, periods)


def test_compiled_figures_equal_plain_ones_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = _computed(IndicatorPeriods())
    monkeypatch.setattr(indicator_columns, "_WORTH_COMPILING", 0)
    for name, column, other in zip(plain._fields, plain, _computed(IndicatorPeriods()), strict=True):
        assert column.tobytes() == other.tobytes(), name


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("atr", 14), ("adx", 27), ("plus_di", 14), ("minus_di", 14), ("rsi", 3), ("ema_fast", 8), ("ema_slow", 20),
        ("vwap", 0), ("macd", 25), ("macd_signal", 33), ("macd_hist", 33), ("bb_middle", 19), ("bb_width", 19),
    ],
)  # fmt: skip
def test_an_indicator_has_its_first_value_where_the_rules_say(name: str, first: int) -> None:
    values = getattr(_computed(IndicatorPeriods()), name).tolist()
    assert all(math.isnan(value) for value in values[:first])
    assert not any(math.isnan(value) for value in values[first:])


def test_periods_are_taken_as_given() -> None:
    columns = _computed(IndicatorPeriods(rsi=14, atr=5, bb=10, bb_deviations=1.0))
    series = _series()
    close = (series.bid_close + series.ask_close) / 2 / 100_000
    assert np.flatnonzero(~np.isnan(columns.rsi))[0] == 14
    assert np.flatnonzero(~np.isnan(columns.atr))[0] == 5
    last = close[-10:]
    assert columns.bb_upper[-1] == pytest.approx(last.mean() + last.std())


def test_vwap_starts_anew_with_each_trading_day() -> None:
    series = _series()
    day = series.time // SECONDS_PER_DAY
    first_of_day = int(np.flatnonzero(np.diff(day))[0]) + 1
    typical = sum((getattr(series, f"bid_{name}")[first_of_day] + 4) / 100_000 for name in ("high", "low", "close"))
    assert _computed(IndicatorPeriods()).vwap[first_of_day] == pytest.approx(typical / 3)
