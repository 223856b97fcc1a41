"""Mean reversion: in a range, a short and sharp move tends to come back to where the day's volume was traded.

RSI over three closes finds the move; VWAP keeps from buying far below, or selling far above, the day's fair price.
"""

from typing import Final, NamedTuple

from shared.core.gates import ALLOWS_RANGES
from shared.core.indicators.momentum import RSI_START, RsiState, rsi_step
from shared.core.indicators.trend import NAN
from shared.core.indicators.volume import VWAP_START, VwapState, vwap_step
from shared.core.jit import jitable
from shared.core.types import (
    BUY,
    NO_SIDE,
    SELL,
    Bar,
    Readings,
)

NAME: Final = "vwap_rsi"
ALLOWED_STATES: Final = ALLOWS_RANGES
READING_NAMES: Final = ("rsi", "vwap")
RSI_PERIOD: Final = 3


class Params(NamedTuple):
    """Oversold and overbought levels of RSI, and how far beyond VWAP the close may lie, in ATR."""

    lo: float
    hi: float
    k: float


PROFILES: Final = {
    "conservative": Params(20.0, 80.0, 0.05),
    "normal": Params(25.0, 75.0, 0.1),
    "aggressive": Params(30.0, 70.0, 0.15),
}


class State(NamedTuple):
    """RSI and the day's VWAP."""

    rsi: RsiState
    vwap: VwapState


START: Final = State(RSI_START, VWAP_START)


@jitable
def step(state: State, bar: Bar, atr: float, params: Params) -> tuple[State, int, Readings]:
    """Advance by one bar and return the new state, the signal and the figures behind it."""
    state = State(
        rsi_step(state.rsi, bar.close, RSI_PERIOD),
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
