"""Trend following: a cross of two averages starts a move that lasts while the price stays on the day's fair side.

VWAP is the day's fair price; a cross against it, by more than a fraction of the ATR, is taken for noise.
"""

from typing import Annotated, Final, NamedTuple

from shared.core.gates import ALLOWS_TRENDS
from shared.core.indicators.trend import AVERAGE_START, NAN, AverageState, ema_step
from shared.core.indicators.volume import VWAP_START, VwapState, vwap_step
from shared.core.jit import jitable
from shared.core.strategy import Parameter, Profiles, Strategy, no_cells
from shared.core.types import BUY, NO_SIDE, SELL, Bar, Readings, Side

FAST_PERIOD: Final = 9
SLOW_PERIOD: Final = 21


class EmaVwapParams(NamedTuple):
    """What the strategy is set to."""

    k: Annotated[float, Parameter("how far beyond VWAP the close may lie", "ATR", at_least=0, at_most=100)] = 0.2


class EmaVwapState(NamedTuple):
    """Both averages and the day's VWAP."""

    fast: AverageState
    slow: AverageState
    vwap: VwapState


START: Final = EmaVwapState(AVERAGE_START, AVERAGE_START, VWAP_START)


@jitable
def step(
    state: EmaVwapState, _cells: tuple[()], bar: Bar, atr: float, params: EmaVwapParams
) -> tuple[EmaVwapState, Side, Readings]:
    """Advance by one bar and return the new state, the signal and the figures behind it."""
    before = state
    state = EmaVwapState(
        ema_step(before.fast, bar.close, FAST_PERIOD),
        ema_step(before.slow, bar.close, SLOW_PERIOD),
        vwap_step(before.vwap, bar.high, bar.low, bar.close, bar.volume, bar.trading_day),
    )
    fast, slow, vwap = state.fast.value, state.slow.value, state.vwap.value
    # A comparison with a reading that is not valid (NaN) is false, so no signal comes from it.
    signal = NO_SIDE
    if fast > slow and before.fast.value <= before.slow.value and bar.close > vwap - params.k * atr:
        signal = BUY
    elif fast < slow and before.fast.value >= before.slow.value and bar.close < vwap + params.k * atr:
        signal = SELL
    return state, signal, Readings(fast, slow, before.fast.value, before.slow.value, vwap, NAN)


STRATEGY: Final = Strategy(
    name="ema_vwap",
    idea="Two averages cross, on the fair side of the day's VWAP: a trend has begun.",
    allowed_states=ALLOWS_TRENDS,
    reading_names=("ema_fast", "ema_slow", "previous_ema_fast", "previous_ema_slow", "vwap"),
    params=EmaVwapParams,
    profiles=Profiles(conservative=EmaVwapParams(0.1), normal=EmaVwapParams(), aggressive=EmaVwapParams(0.3)),
    start=START,
    cells=no_cells,
    step=step,
    needs_volume=True,
)
