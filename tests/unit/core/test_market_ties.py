"""Moves that are equal are equal: indicators compare middle prices as whole half points."""

import pytest

from services.backtest.indicator_columns import IndicatorPeriods, compute_indicators
from services.ingest.files.candle_file import CandleFile, read_candle_file
from shared.contracts.instruments import instrument
from shared.core.market import market_cells, market_start, market_step
from shared.core.types import Candle, list_of_floats, list_of_integers
from tests.fixtures.market import M5, TUESDAY, candle, facts, market_params
from tests.material import shared_material


def adx_after(candles: list[Candle]) -> list[tuple[float, float]]:
    """Return both smoothed movements of the market machine after each candle."""
    params = market_params("USD_JPY", "vwap_rsi")
    memory, cells, found = market_start(params), market_cells(params, list_of_integers, list_of_floats), []
    for each in candles:
        memory, _ = market_step(memory, cells, each, facts(each), params)
        found.append((memory.adx.plus_movement, memory.adx.minus_movement))
    return found


@pytest.mark.parametrize("spread", [1, 2, 3, 7, 13])
@pytest.mark.parametrize("reach", [1, 3, 7, 11, 13])
def test_bar_that_grows_by_the_same_on_both_sides_moves_neither_way(reach: int, spread: int) -> None:
    # Every bar reaches as much further up as down; in binary fractions of a price the two differ in most of them.
    price = 94_003
    candles = [
        candle(TUESDAY + at * M5, price, high=price + reach * at, low=price - reach * at, close=price, spread=spread)
        for at in range(40)
    ]
    assert set(adx_after(candles)) == {(0.0, 0.0)}


def test_adx_of_a_file_full_of_ties_is_what_exact_arithmetic_gives() -> None:
    file = CandleFile(shared_material("cases", "candles", "adx_tie_USD_JPY.csv"), instrument("USD_JPY"))
    series = read_candle_file(file, model_spread_points=5).series
    columns = compute_indicators(series, series.time // 86_400, IndicatorPeriods())
    assert columns.adx[-1] == pytest.approx(33.38113556, abs=5e-9)
