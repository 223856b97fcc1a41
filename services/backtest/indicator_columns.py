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
    """Middle prices, tick volumes and trading days, read row by row."""

    high: FloatCells
    low: FloatCells
    close: FloatCells
    volume: FloatCells
    trading_day: IntegerCells


def compute_indicators(series: CandleSeries, trading_day: Integers, periods: IndicatorPeriods) -> IndicatorColumns:
    """Return all indicators of a series on mid prices; VWAP starts anew with each trading day."""
    count = len(series.time)
    columns = IndicatorColumns._make(np.full(count, NAN) for _ in IndicatorColumns._fields)
    scale = series.instrument.points_per_price
    middle = (
        _middle(series.bid_high, series.ask_high, scale),
        _middle(series.bid_low, series.ask_low, scale),
        _middle(series.bid_close, series.ask_close, scale),
        series.volume,
        trading_day,
    )
    if count < _WORTH_COMPILING:
        _fill(_MiddleCells._make(column.tolist() for column in middle), periods, [0.0] * periods.bb, columns)
    else:
        compiled(_fill)(_MiddleCells._make(middle), periods, array_of_floats(periods.bb), columns)
    return columns


def _middle(bid: Integers, ask: Integers, points_per_price: int) -> Floats:
    # As the market machine reckons it, so that the figures are the same to the last bit.
    middle: Floats = (bid / points_per_price + ask / points_per_price) / 2.0
    return middle


def _fill(middle: _MiddleCells, periods: IndicatorPeriods, closes: FloatCells, columns: IndicatorColumns) -> None:
    """Run every indicator's steps over the candles."""
    atr, adx, rsi, macd, vwap = AVERAGE_START, ADX_START, RSI_START, MACD_START, VWAP_START
    fast, slow, bands = AVERAGE_START, AVERAGE_START, BOLLINGER_START
    last_high, last_low, last_close = NAN, NAN, NAN
    for row in range(len(middle.close)):
        high, low, close = middle.high[row], middle.low[row], middle.close[row]
        if row > 0:
            bar_range = true_range(high, low, last_close)
            atr = atr_step(atr, bar_range, periods.atr)
            adx = adx_step(adx, bar_range, high - last_high, last_low - low, periods.adx)
        rsi = rsi_step(rsi, close, periods.rsi)
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
        last_high, last_low, last_close = high, low, close
