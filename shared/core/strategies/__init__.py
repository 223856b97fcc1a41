"""The strategies by name and number, and the one step that drives whichever is chosen.

To add a strategy: write its file, give it a number here, and add its parts to the three tuples and to `step`.
"""

from types import ModuleType
from typing import Final, NamedTuple

from shared.core.jit import jitable
from shared.core.strategies import bb_breakout, ema_vwap, vwap_rsi
from shared.core.types import Bar, Readings

EMA_VWAP: Final = 0
VWAP_RSI: Final = 1
BB_BREAKOUT: Final = 2
STRATEGIES: Final[tuple[ModuleType, ...]] = (ema_vwap, vwap_rsi, bb_breakout)
STRATEGY_NUMBERS: Final = {strategy.NAME: number for number, strategy in enumerate(STRATEGIES)}


class StrategyParams(NamedTuple):
    """The chosen strategy's number and the parameters of all of them."""

    number: int
    ema_vwap: ema_vwap.Params
    vwap_rsi: vwap_rsi.Params
    bb_breakout: bb_breakout.Params


class StrategyState(NamedTuple):
    """The states of all strategies; only the chosen one's moves."""

    ema_vwap: ema_vwap.State
    vwap_rsi: vwap_rsi.State
    bb_breakout: bb_breakout.State


STRATEGY_START: Final = StrategyState(ema_vwap.START, vwap_rsi.START, bb_breakout.START)


@jitable
def strategy_step(
    state: StrategyState, cells: bb_breakout.Cells, bar: Bar, atr: float, params: StrategyParams
) -> tuple[StrategyState, int, Readings]:
    """Advance the chosen strategy by one bar and return the new state, the signal and the figures behind it."""
    if params.number == EMA_VWAP:
        ema_state, signal, readings = ema_vwap.step(state.ema_vwap, bar, atr, params.ema_vwap)
        return StrategyState(ema_state, state.vwap_rsi, state.bb_breakout), signal, readings
    if params.number == VWAP_RSI:
        rsi_state, signal, readings = vwap_rsi.step(state.vwap_rsi, bar, atr, params.vwap_rsi)
        return StrategyState(state.ema_vwap, rsi_state, state.bb_breakout), signal, readings
    band_state, signal, readings = bb_breakout.step(state.bb_breakout, cells, bar, params.bb_breakout)
    return StrategyState(state.ema_vwap, state.vwap_rsi, band_state), signal, readings
