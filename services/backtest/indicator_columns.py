"""All indicators of a series of candles, by the very steps that the market machine takes."""

from typing import Final, NamedTuple

import numpy as np

from shared.core.columns import CandleSeries, Floats, Integers, array_of_floats
from shared.core.indicators.momentum import RSI_START, rsi_step
from shared.core.indicators.trend import ADX_START, AVERAGE_START, MACD_START, NAN, adx_step, ema_step, macd_step
from shared.core.indicators.volatility import BOLLINGER_START, atr_step, bollinger_step, true_range
from shared.core.indicators.volume import VWAP_START, vwap_step
from shared.core.jit import compiled
from shared.core.types import FloatCells, IntegerCells

# Fewer candles are done in plain Python before compiled code would even be loaded.
_WORTH_COMPILING: Final = 30_000


class IndicatorPeriods(NamedTuple):
    """Periods in candles, and the width of the Bollinger bands in deviations."""

    atr: int = 14
    adx: int = 14
    rsi: int = 3
    ema_fast: int = 9
    ema_slow: int = 21
    macd_fast: int = 12
    macd_slow: int = 26
    macd_signal: int = 9
    bb: int = 20
    bb_deviations: float = 2.0


class IndicatorColumns(NamedTuple):
    """Indicators in columns, NaN while not valid."""

    atr: Floats
    adx: Floats
    plus_di: Floats
    minus_di: Floats
    rsi: Floats
    ema_fast: Floats
    ema_slow: Floats
    vwap: Floats
    macd: Floats
    macd_signal: Floats
    macd_hist: Floats
    bb_middle: Floats
    bb_upper: Floats
    bb_lower: Floats
    bb_width: Floats


class _MiddleCells(NamedTuple):
    """Middle prices in half points, tick volumes and trading days, read row by row."""

    high: IntegerCells
    low: IntegerCells
    close: IntegerCells
    volume: FloatCells
    trading_day: IntegerCells


def compute_indicators(series: CandleSeries, trading_day: Integers, periods: IndicatorPeriods) -> IndicatorColumns:
    """Return all indicators of a series on mid prices; VWAP starts anew with each trading day."""
    count, halves = len(series.time), 2 * series.instrument.points_per_price
    columns = IndicatorColumns._make(np.full(count, NAN) for _ in IndicatorColumns._fields)
    middle = (
        series.bid_high + series.ask_high,
        series.bid_low + series.ask_low,
        series.bid_close + series.ask_close,
        series.volume,
        trading_day,
    )
    if count < _WORTH_COMPILING:
        _fill(_MiddleCells._make(column.tolist() for column in middle), halves, periods, [0.0] * periods.bb, columns)
    else:
        compiled(_fill)(_MiddleCells._make(middle), halves, periods, array_of_floats(periods.bb), columns)
    return columns


def _fill(
    middle: _MiddleCells, halves: int, periods: IndicatorPeriods, closes: FloatCells, columns: IndicatorColumns
) -> None:
    """Run every indicator's steps over the candles, as the market machine does; `halves` are those of a price of 1."""
    atr, adx, rsi, macd, vwap = AVERAGE_START, ADX_START, RSI_START, MACD_START, VWAP_START
    fast, slow, bands = AVERAGE_START, AVERAGE_START, BOLLINGER_START
    for row in range(len(middle.close)):
        high, low, close = middle.high[row] / halves, middle.low[row] / halves, middle.close[row] / halves
        if row > 0:
            last_close = middle.close[row - 1]
            bar_range = true_range(middle.high[row], middle.low[row], last_close) / halves
            atr = atr_step(atr, bar_range, periods.atr)
            up, down = middle.high[row] - middle.high[row - 1], middle.low[row - 1] - middle.low[row]
            adx = adx_step(adx, bar_range, up / halves, down / halves, periods.adx)
            rsi = rsi_step(rsi, (middle.close[row] - last_close) / halves, periods.rsi)
        fast = ema_step(fast, close, periods.ema_fast)
        slow = ema_step(slow, close, periods.ema_slow)
        vwap = vwap_step(vwap, high, low, close, middle.volume[row], middle.trading_day[row])
        macd = macd_step(macd, close, periods.macd_fast, periods.macd_slow, periods.macd_signal)
        bands = bollinger_step(bands, closes, close, periods.bb_deviations)
        columns.atr[row] = atr.value
        columns.adx[row] = adx.value
        columns.plus_di[row] = adx.plus
        columns.minus_di[row] = adx.minus
        columns.rsi[row] = rsi.value
        columns.ema_fast[row] = fast.value
        columns.ema_slow[row] = slow.value
        columns.vwap[row] = vwap.value
        columns.macd[row] = macd.value
        columns.macd_signal[row] = macd.signal.value
        columns.macd_hist[row] = macd.value - macd.signal.value
        columns.bb_middle[row] = bands.middle
        columns.bb_upper[row] = bands.upper
        columns.bb_lower[row] = bands.lower
        columns.bb_width[row] = bands.width
