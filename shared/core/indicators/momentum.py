"""Relative strength index."""

from typing import Final, NamedTuple

from shared.core.indicators.trend import NAN
from shared.core.jit import jitable


class RsiState(NamedTuple):
    """Relative strength; gains and losses are sums until `period` changes are in, then smoothed means."""

    seen: int
    previous_close: float
    gain: float
    loss: float
    value: float


RSI_START: Final = RsiState(0, NAN, 0.0, 0.0, NAN)


@jitable
def _strength(gain: float, loss: float) -> float:
    if loss > 0.0:
        return 100.0 - 100.0 / (1.0 + gain / loss)
    return 100.0 if gain > 0.0 else 50.0


@jitable
def rsi_step(state: RsiState, close: float, period: int) -> RsiState:
    """Advance Wilder's RSI by one close; 100 without losses, 50 without any change (Wilder 1978)."""
    seen = state.seen + 1
    if seen == 1:
        return RsiState(seen, close, 0.0, 0.0, NAN)
    change = close - state.previous_close
    rise = max(change, 0.0)
    fall = max(-change, 0.0)
    if seen <= period:
        return RsiState(seen, close, state.gain + rise, state.loss + fall, NAN)
    if seen == period + 1:
        gain = (state.gain + rise) / period
        loss = (state.loss + fall) / period
    else:
        gain = (state.gain * (period - 1) + rise) / period
        loss = (state.loss * (period - 1) + fall) / period
    return RsiState(seen, close, gain, loss, _strength(gain, loss))
