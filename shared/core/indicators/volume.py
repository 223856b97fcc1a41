"""Volume-weighted average price of the trading day."""

from typing import Final, NamedTuple

from shared.core.indicators.trend import NAN, mean_beside
from shared.core.jit import jitable


class VwapState(NamedTuple):
    """Sums of the trading day so far."""

    trading_day: int
    price_volume: float
    volume: float
    value: float


VWAP_START: Final = VwapState(-(2**31), 0.0, 0.0, NAN)


@jitable
def vwap_step(state: VwapState, high: float, low: float, close: float, volume: float, trading_day: int) -> VwapState:
    """Advance VWAP by one bar of typical price (h + l + c) / 3; it starts anew with each trading day."""
    fresh = trading_day != state.trading_day
    price_volume = (0.0 if fresh else state.price_volume) + (high + low + close) / 3.0 * volume
    total = (0.0 if fresh else state.volume) + volume
    value = mean_beside(price_volume / total, close) if total > 0.0 else NAN
    return VwapState(trading_day, price_volume, total, value)
