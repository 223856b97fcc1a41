"""Relative strength index."""

import math
from typing import Final, NamedTuple

from shared.core.indicators.trend import NAN
from shared.core.jit import jitable


class RsiState(NamedTuple):
    """Relative strength; gains and losses are sums until `period` changes are in, then smoothed means."""

    seen: int
    gain: float
    loss: float
    value: float


RSI_START: Final = RsiState(0, 0.0, 0.0, NAN)


@jitable
def _strength(gain: float, loss: float) -> float:
    if loss > 0.0:
        return 100.0 - 100.0 / (1.0 + gain / loss)
    return 100.0 if gain > 0.0 else 50.0


@jitable
def rsi_step(state: RsiState, change: float, period: int) -> RsiState:
    """Advance Wilder's RSI by a change of the close, NaN for the first one (Wilder 1978).

    It is 100 without losses, and 50 without any change.
    """
    if math.isnan(change):
        return state
    seen = state.seen + 1
    rise = max(change, 0.0)
    fall = max(-change, 0.0)
    if seen < period:
        return RsiState(seen, state.gain + rise, state.loss + fall, NAN)
    if seen == period:
        gain = (state.gain + rise) / period
        loss = (state.loss + fall) / period
    else:
        gain = (state.gain * (period - 1) + rise) / period
        loss = (state.loss * (period - 1) + fall) / period
    return RsiState(seen, gain, loss, _strength(gain, loss))
