"""Breakout: a squeeze of the Bollinger bands stores energy that a close beyond them, on high volume, sets free.

The bands must have been narrow among the last hundred widths and must be widening with the breaking candle.
"""

from typing import Annotated, Final, NamedTuple

from shared.core.gates import ALLOWS_ALL_BUT_VOLATILE
from shared.core.indicators.ranking import Ranking, empty_ranking, ranking_percentile, ranking_push, ranking_size
from shared.core.indicators.trend import NAN, mean_beside
from shared.core.indicators.volatility import BOLLINGER_START, BollingerState, bollinger_step
from shared.core.jit import jitable
from shared.core.strategy import MakeFloats, MakeIntegers, Parameter, Profiles, Strategy
from shared.core.types import BUY, NO_SIDE, SELL, Bar, FloatCells, Readings, Side

BAND_PERIOD: Final = 20
DEVIATIONS: Final = 2.0
VOLUME_PERIOD: Final = 20
WIDTH_PERIOD: Final = 100


class BreakoutParams(NamedTuple):
    """What the strategy is set to."""

    v: Annotated[float, Parameter("volume that confirms a breakout", "mean volumes", above=0, at_most=1000)] = 1.2
    p: Annotated[float, Parameter("up to which width the bands are narrow", "percentile", above=0, below=100)] = 35.0
    e: Annotated[float, Parameter("how much wider the bands must become", "ratio", above=0, at_most=1000)] = 1.02


class BreakoutState(NamedTuple):
    """The bands and how many bars were seen."""

    seen: int
    bands: BollingerState


class BreakoutCells(NamedTuple):
    """Windows written in place: closes of the bands, the last volumes and the ranked widths."""

    closes: FloatCells
    volumes: FloatCells
    widths: Ranking


START: Final = BreakoutState(0, BOLLINGER_START)


def empty_cells(integers: MakeIntegers, floats: MakeFloats) -> BreakoutCells:
    """Return empty windows."""
    return BreakoutCells(floats(BAND_PERIOD), floats(VOLUME_PERIOD), empty_ranking(WIDTH_PERIOD, integers, floats))


@jitable
def _mean(values: FloatCells) -> float:
    total = 0.0
    for index in range(len(values)):
        total += values[index]
    return total / len(values)


@jitable
def step(
    state: BreakoutState, cells: BreakoutCells, bar: Bar, _atr: float, params: BreakoutParams
) -> tuple[BreakoutState, Side, Readings]:
    """Advance by one bar and return the new state, the signal and the figures behind it."""
    before = state.bands
    bands = bollinger_step(before, cells.closes, bar.close, DEVIATIONS)
    beyond = bar.close > bands.upper or bar.close < bands.lower
    volume_mean = mean_beside(_mean(cells.volumes), bar.volume) if state.seen >= VOLUME_PERIOD else NAN
    # Before this bar's width goes in, the window holds width[i-100..i-1].
    squeeze = ranking_percentile(cells.widths, params.p) if ranking_size(cells.widths) == WIDTH_PERIOD else NAN
    signal = NO_SIDE
    if (
        beyond
        and bar.volume > params.v * volume_mean
        and before.width <= squeeze
        and bands.width > params.e * before.width
    ):
        signal = BUY if bar.close > bands.upper else SELL
    cells.volumes[state.seen % VOLUME_PERIOD] = bar.volume
    if bands.seen >= BAND_PERIOD:
        ranking_push(cells.widths, bands.width)
    readings = Readings(bands.upper, bands.lower, bands.width, before.width, squeeze, volume_mean)
    return BreakoutState(state.seen + 1, bands), signal, readings


STRATEGY: Final = Strategy(
    name="bb_breakout",
    idea="A close beyond Bollinger bands that were narrow, on high volume: stored energy is set free.",
    allowed_states=ALLOWS_ALL_BUT_VOLATILE,
    reading_names=("bb_upper", "bb_lower", "bb_width", "previous_bb_width", "width_percentile", "volume_mean"),
    params=BreakoutParams,
    profiles=Profiles(
        conservative=BreakoutParams(1.4, 25.0, 1.05),
        normal=BreakoutParams(),
        aggressive=BreakoutParams(1.05, 45.0, 1.0),
    ),
    start=START,
    cells=empty_cells,
    step=step,
    needs_rising_volume=True,
)
