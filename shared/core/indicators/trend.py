"""Moving averages, MACD and Wilder's directional movement."""

from typing import Final, NamedTuple

from shared.core.jit import jitable

NAN: Final = float("nan")
# What adding up prices of a trading day can be off by, relatively, is less than this; a point is far more.
_ROUNDING: Final = 1e-12


@jitable
def mean_beside(mean: float, value: float) -> float:
    """Return a mean, or exactly the value that it lies beside where only rounding keeps the two apart.

    Equal values then have exactly their own mean, so that a market that stands still has no deviation and no trend.
    """
    return value if abs(mean - value) <= _ROUNDING * abs(value) else mean


class AverageState(NamedTuple):
    """An average that moves by a share of each new value; `total` is the sum of the values that seed it."""

    seen: int
    total: float
    value: float


AVERAGE_START: Final = AverageState(0, 0.0, NAN)


@jitable
def ema_step(state: AverageState, price: float, period: int) -> AverageState:
    """Advance an EMA by one price; it is seeded with the mean of the first `period` prices, then alpha = 2/(n+1)."""
    seen = state.seen + 1
    if seen < period:
        return AverageState(seen, state.total + price, NAN)
    if seen == period:
        return AverageState(seen, 0.0, mean_beside((state.total + price) / period, price))
    alpha = 2.0 / (period + 1)
    return AverageState(seen, 0.0, mean_beside(alpha * price + (1.0 - alpha) * state.value, price))


class MacdState(NamedTuple):
    """MACD line, its signal line and both underlying averages."""

    fast: AverageState
    slow: AverageState
    signal: AverageState
    value: float


MACD_START: Final = MacdState(AVERAGE_START, AVERAGE_START, AVERAGE_START, NAN)


@jitable
def macd_step(state: MacdState, price: float, fast: int, slow: int, signal: int) -> MacdState:
    """Advance MACD(fast, slow, signal) by one price; the signal is seeded with the mean of the first MACD values."""
    fast_state = ema_step(state.fast, price, fast)
    slow_state = ema_step(state.slow, price, slow)
    if slow_state.seen < slow or fast_state.seen < fast:
        return MacdState(fast_state, slow_state, state.signal, NAN)
    value = fast_state.value - slow_state.value
    return MacdState(fast_state, slow_state, ema_step(state.signal, value, signal), value)


class AdxState(NamedTuple):
    """Wilder's directional movement: smoothed sums, their quotients and the average index."""

    seen: int
    true_range: float
    plus_movement: float
    minus_movement: float
    plus: float
    minus: float
    total: float
    value: float


ADX_START: Final = AdxState(0, 0.0, 0.0, 0.0, NAN, NAN, 0.0, NAN)


@jitable
def adx_step(state: AdxState, true_range: float, up: float, down: float, period: int) -> AdxState:
    """Advance +DI, -DI and ADX by one bar.

    `up` is high - previous high, `down` is previous low - low, both as price. Sums start with the first `period`
    bars that have a predecessor, then s - s/n + x; ADX starts as the mean of the first `period` DX (Wilder 1978).
    """
    seen = state.seen + 1
    plus_movement = up if up > max(down, 0.0) else 0.0
    minus_movement = down if down > max(up, 0.0) else 0.0
    if seen <= period:
        range_sum = state.true_range + true_range
        plus_sum = state.plus_movement + plus_movement
        minus_sum = state.minus_movement + minus_movement
        if seen < period:
            return AdxState(seen, range_sum, plus_sum, minus_sum, NAN, NAN, 0.0, NAN)
    else:
        range_sum = state.true_range - state.true_range / period + true_range
        plus_sum = state.plus_movement - state.plus_movement / period + plus_movement
        minus_sum = state.minus_movement - state.minus_movement / period + minus_movement
    plus = 100.0 * plus_sum / range_sum if range_sum > 0.0 else 0.0
    minus = 100.0 * minus_sum / range_sum if range_sum > 0.0 else 0.0
    both = plus + minus
    index = 100.0 * abs(plus - minus) / both if both > 0.0 else 0.0
    if seen < 2 * period:
        total = state.total + index
        value = total / period if seen == 2 * period - 1 else NAN
        return AdxState(seen, range_sum, plus_sum, minus_sum, plus, minus, total, value)
    value = (state.value * (period - 1) + index) / period
    return AdxState(seen, range_sum, plus_sum, minus_sum, plus, minus, 0.0, value)
