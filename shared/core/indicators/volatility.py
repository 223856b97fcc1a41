"""True range, average true range and Bollinger bands."""

import math
from typing import Final, NamedTuple

from shared.core.indicators.trend import NAN, AverageState, mean_beside
from shared.core.jit import jitable
from shared.core.types import FloatCells


@jitable
def true_range(high: float, low: float, previous_close: float) -> float:
    """Return the larger of the bar's range and its distances from the previous close (Wilder 1978)."""
    return max(high - low, abs(high - previous_close), abs(low - previous_close))


@jitable
def atr_step(state: AverageState, bar_range: float, period: int) -> AverageState:
    """Advance Wilder's ATR by one true range: the mean of the first `period`, then ((n-1) * previous + TR) / n."""
    seen = state.seen + 1
    if seen < period:
        return AverageState(seen, state.total + bar_range, NAN)
    if seen == period:
        return AverageState(seen, 0.0, (state.total + bar_range) / period)
    return AverageState(seen, 0.0, (state.value * (period - 1) + bar_range) / period)


class BollingerState(NamedTuple):
    """Bollinger bands; `width` is (upper - lower) / middle."""

    seen: int
    middle: float
    upper: float
    lower: float
    width: float


BOLLINGER_START: Final = BollingerState(0, NAN, NAN, NAN, NAN)


@jitable
def bollinger_step(state: BollingerState, closes: FloatCells, close: float, deviations: float) -> BollingerState:
    """Advance Bollinger bands by one close: mean and population deviation of the last `len(closes)` closes."""
    period = len(closes)
    closes[state.seen % period] = close
    seen = state.seen + 1
    if seen < period:
        return BollingerState(seen, NAN, NAN, NAN, NAN)
    total = 0.0
    for index in range(period):
        total += closes[index]
    middle = mean_beside(total / period, close)
    squares = 0.0
    for index in range(period):
        distance = closes[index] - middle
        squares += distance * distance
    reach = deviations * math.sqrt(squares / period)
    return BollingerState(seen, middle, middle + reach, middle - reach, 2.0 * reach / middle)
