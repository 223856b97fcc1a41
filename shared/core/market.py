"""The market machine of one pair: candle in, assessment out; it knows nothing of the account."""

import math
from typing import Any, Final, NamedTuple

from shared.core.gates import classify_market, market_state_verdict, news_verdict, session_verdict, spread_verdict
from shared.core.indicators.ranking import Ranking, empty_ranking, ranking_median, ranking_push, ranking_size
from shared.core.indicators.trend import ADX_START, AVERAGE_START, NAN, AdxState, AverageState, adx_step
from shared.core.indicators.volatility import atr_step, true_range
from shared.core.jit import jitable
from shared.core.strategies import strategy_of, strategy_step
from shared.core.strategy import MakeFloats, MakeIntegers
from shared.core.types import UNKNOWN, Assessment, Bar, CalendarFacts, Candle, MarketState, Readings, Side

ATR_PERIOD: Final = 14
ADX_PERIOD: Final = 14
MEDIAN_PERIOD: Final = 200
MEDIAN_MINIMUM: Final = 50


class MarketParams(NamedTuple):
    """What the market machine of a pair is set to; the strategy is the one whose parameters these are."""

    points_per_price: int
    max_spread_points: int
    allowed_states: int
    strategy: tuple[Any, ...]


class MarketMemory(NamedTuple):
    """What the market machine remembers besides its cells; middle prices in half points."""

    seen: int
    high: int
    low: int
    close: int
    atr: AverageState
    adx: AdxState
    strategy: tuple[Any, ...]


class Measures(NamedTuple):
    """What the indicators and the strategy say of one candle; ATR as a price."""

    atr: float
    adx: float
    signal: Side
    readings: Readings


class MarketCells(NamedTuple):
    """Windows that the market machine writes in place."""

    atr: Ranking
    strategy: tuple[Any, ...]


def market_start(params: MarketParams) -> MarketMemory:
    """Return the machine before its first candle."""
    return MarketMemory(0, 0, 0, 0, AVERAGE_START, ADX_START, strategy_of(params.strategy).start)


def market_cells(params: MarketParams, integers: MakeIntegers, floats: MakeFloats) -> MarketCells:
    """Return empty windows; the makers of cells decide between lists and arrays."""
    of_strategy = strategy_of(params.strategy).cells(integers, floats)
    return MarketCells(empty_ranking(MEDIAN_PERIOD, integers, floats), of_strategy)


@jitable
def measure_step(
    state: MarketMemory, cells: tuple[Any, ...], candle: Candle, facts: CalendarFacts, params: MarketParams
) -> tuple[MarketMemory, Measures]:
    """Advance ATR, ADX and the strategy by one candle; the windows of the strategy are written in place."""
    # A middle price is a whole number of half points: moves that are equal are equal, and are divided only then.
    halves = 2 * params.points_per_price
    high = candle.bid_high + candle.ask_high
    low = candle.bid_low + candle.ask_low
    close = candle.bid_close + candle.ask_close
    atr, adx, change = state.atr, state.adx, NAN
    if state.seen > 0:
        change = (close - state.close) / halves
        bar_range = true_range(high, low, state.close) / halves
        atr = atr_step(atr, bar_range, ATR_PERIOD)
        adx = adx_step(adx, bar_range, (high - state.high) / halves, (state.low - low) / halves, ADX_PERIOD)
    bar = Bar(high / halves, low / halves, close / halves, candle.volume, facts.trading_day, change)
    strategy, signal, readings = strategy_step(state.strategy, cells, bar, atr.value, params.strategy)
    measures = Measures(atr.value, adx.value, signal, readings)
    return MarketMemory(state.seen + 1, high, low, close, atr, adx, strategy), measures


@jitable
def regime_step(window: Ranking, atr: float, adx: float) -> tuple[float, MarketState]:
    """Rank a candle's ATR in its window, written in place; return the median ATR and the state of the market."""
    if not math.isnan(atr):
        ranking_push(window, atr)
    if ranking_size(window) < MEDIAN_MINIMUM:
        return NAN, UNKNOWN
    atr_median = ranking_median(window)
    return atr_median, classify_market(atr, atr_median, adx)


@jitable
def market_step(
    state: MarketMemory, cells: MarketCells, candle: Candle, facts: CalendarFacts, params: MarketParams
) -> tuple[MarketMemory, Assessment]:
    """Judge one candle by all that depends on the market alone: gates 1, 2, 3, 6 and the signal of gate 7.

    The state is used up: its cells are written in place, so a step is made once from each state.
    """
    state, measures = measure_step(state, cells.strategy, candle, facts, params)
    atr_median, market_state = regime_step(cells.atr, measures.atr, measures.adx)
    spread_points = candle.ask_close - candle.bid_close
    assessment = Assessment(
        session_verdict(facts.market_open, facts.session_open),
        spread_verdict(spread_points, params.max_spread_points),
        news_verdict(facts.news),
        market_state_verdict(market_state, params.allowed_states),
        measures.signal,
        market_state,
        spread_points,
        measures.atr,
        atr_median,
        measures.adx,
        measures.readings,
    )
    return state, assessment
