"""A market that stands still has no width, no trend and a fair price that is its price, to the last bit."""

from typing import Final

import numpy as np
import pytest

from services.backtest import indicator_columns
from services.backtest.indicator_columns import IndicatorColumns, IndicatorPeriods, compute_indicators
from shared.contracts.instruments import instrument
from shared.core.columns import CandleSeries
from shared.core.market import market_cells, market_start, market_step
from shared.core.types import Readings, list_of_floats, list_of_integers
from tests.fixtures.market import M5, TUESDAY, candle, facts, market_params

# Middle prices whose sums, means and averages do not come out even in binary fractions.
PRICES: Final = (110_000, 123_457, 93_311, 65_789, 100_003, 134_217)
COUNT: Final = 320
SPREAD: Final = 3


def flat_columns(price: int, step: int = M5, count: int = COUNT) -> IndicatorColumns:
    """Return the indicators of candles that all stand at one price, with volumes that do not come out even either."""
    side = np.full(count, price, dtype=np.int64)
    time = TUESDAY + step * np.arange(count)
    volume = np.arange(count) % 7 + 0.1
    series = CandleSeries._make((instrument("EUR_USD"), step, time, *(side,) * 4, *(side + SPREAD,) * 4, volume))
    return compute_indicators(series, time // 86_400, IndicatorPeriods())


def flat_readings(price: int, strategy: str) -> dict[str, float]:
    """Return the figures that a strategy last looked at in a market that stands still."""
    params = market_params("EUR_USD", strategy)
    memory, cells = market_start(params), market_cells(params, list_of_integers, list_of_floats)
    readings: Readings | None = None
    for at in range(COUNT):
        each = candle(TUESDAY + at * M5, price, spread=SPREAD, volume=0.1)
        memory, assessed = market_step(memory, cells, each, facts(each), params)
        readings = assessed.readings
    assert readings is not None
    return readings._asdict()


@pytest.mark.parametrize("price", PRICES)
@pytest.mark.parametrize("machine_code", [False, True], ids=["plain", "compiled"])
def test_flat_series_has_no_width_and_no_trend(price: int, machine_code: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if machine_code:
        monkeypatch.setattr(indicator_columns, "_WORTH_COMPILING", 0)
    columns = flat_columns(price)
    close = (2 * price + SPREAD) / 200_000
    for name in ("bb_width", "macd", "macd_signal", "macd_hist", "atr", "adx", "plus_di", "minus_di"):
        found = getattr(columns, name)
        assert set(found[~np.isnan(found)].tolist()) == {0.0}, name
    for name in ("ema_fast", "ema_slow", "vwap", "bb_upper", "bb_middle", "bb_lower"):
        found = getattr(columns, name)
        assert set(found[~np.isnan(found)].tolist()) == {close}, name


def test_fair_price_of_a_whole_day_of_seconds_is_the_price() -> None:
    assert set(flat_columns(123_457, 5, 17_280).vwap.tolist()) == {(2 * 123_457 + SPREAD) / 200_000}


@pytest.mark.parametrize("price", PRICES)
def test_strategies_see_the_same_still_market(price: int) -> None:
    close = (2 * price + SPREAD) / 200_000
    upper, lower, width, width_before, squeeze, volume_mean = flat_readings(price, "bb_breakout").values()
    assert (upper, lower, width, width_before, squeeze, volume_mean) == (close, close, 0.0, 0.0, 0.0, 0.1)
    fast, slow, fast_before, slow_before, vwap, _ = flat_readings(price, "ema_vwap").values()
    assert (fast, slow, fast_before, slow_before, vwap) == (close,) * 5


def test_bands_are_flat_as_soon_as_their_closes_are() -> None:
    moved = np.concatenate((np.arange(40) * 13, np.full(20, 777)))
    side = 110_000 + moved
    time = TUESDAY + M5 * np.arange(60)
    series = CandleSeries._make((instrument("EUR_USD"), M5, time, *(side,) * 4, *(side + 8,) * 4, np.full(60, 5.0)))
    width = compute_indicators(series, time // 86_400, IndicatorPeriods()).bb_width
    assert width[-1] == 0.0
    assert width[-2] > 0.0
