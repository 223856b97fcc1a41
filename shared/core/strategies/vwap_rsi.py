"""Mean reversion: in a range, a short and sharp move tends to come back to where the day's volume was traded.

RSI over three closes finds the move; VWAP keeps from buying far below, or selling far above, the day's fair price.
"""

from typing import Annotated, Final, NamedTuple

from shared.core.gates import ALLOWS_RANGES
from shared.core.indicators.momentum import RSI_START, RsiState, rsi_step
from shared.core.indicators.trend import NAN
from shared.core.indicators.volume import VWAP_START, VwapState, vwap_step
from shared.core.jit import jitable
from shared.core.strategy import Parameter, Profiles, Strategy, no_cells
from shared.core.types import BUY, NO_SIDE, SELL, Bar, Readings, Side

RSI_PERIOD: Final = 3


class VwapRsiParams(NamedTuple):
    """What the strategy is set to."""

    lo: Annotated[float, Parameter("below it RSI says oversold", "RSI", above=0, below=100)] = 25.0
    hi: Annotated[float, Parameter("above it RSI says overbought", "RSI", above=0, below=100)] = 75.0
    k: Annotated[float, Parameter("how far beyond VWAP the close may lie", "ATR", at_least=0, at_most=100)] = 0.1


class VwapRsiState(NamedTuple):
    """RSI and the day's VWAP."""

    rsi: RsiState
    vwap: VwapState


START: Final = VwapRsiState(RSI_START, VWAP_START)


@jitable
def step(
    state: VwapRsiState, _cells: tuple[()], bar: Bar, atr: float, params: VwapRsiParams
) -> tuple[VwapRsiState, Side, Readings]:
    """Advance by one bar and return the new state, the signal and the figures behind it."""
    state = VwapRsiState(
        rsi_step(state.rsi, bar.change, RSI_PERIOD),
        vwap_step(state.vwap, bar.high, bar.low, bar.close, bar.volume, bar.trading_day),
    )
    rsi, vwap = state.rsi.value, state.vwap.value
    # A comparison with a reading that is not valid (NaN) is false, so no signal comes from it.
    signal = NO_SIDE
    if rsi < params.lo and bar.close > vwap - params.k * atr:
        signal = BUY
    elif rsi > params.hi and bar.close < vwap + params.k * atr:
        signal = SELL
    return state, signal, Readings(rsi, vwap, NAN, NAN, NAN, NAN)


STRATEGY: Final = Strategy(
    name="vwap_rsi",
    idea="In a range, a short and sharp move that RSI finds comes back to the day's VWAP.",
    allowed_states=ALLOWS_RANGES,
    reading_names=("rsi", "vwap"),
    params=VwapRsiParams,
    profiles=Profiles(
        conservative=VwapRsiParams(20.0, 80.0, 0.05), normal=VwapRsiParams(), aggressive=VwapRsiParams(30.0, 70.0, 0.15)
    ),
    start=START,
    cells=no_cells,
    step=step,
    rising=(("lo", "hi"),),
    needs_volume=True,
)
