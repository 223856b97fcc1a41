"""Drive the machines over columns of candles: the loops that are compiled for backtests.

Each loop only reads columns, calls the same step as the live services, and writes columns.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.core.account import AT_CLOSE, AccountParams, account_step
from shared.core.books import AccountState, Books, PairTable, TradeLog
from shared.core.columns import Bytes, CandleColumns, FactColumns, Floats, Integers
from shared.core.gates import market_state_verdict, news_verdict, session_verdict, spread_verdict
from shared.core.indicators.trend import NAN
from shared.core.jit import jitable, natural
from shared.core.market import MarketCells, MarketMemory, MarketParams, measure_step, regime_step
from shared.core.types import UNKNOWN, Assessment, CalendarFacts, Candle, Readings


class AssessmentColumns(NamedTuple):
    """What the account needs of the assessments, in columns."""

    session: Bytes
    spread: Bytes
    news: Bytes
    market_state_verdict: Bytes
    signal: NDArray[np.int8]
    atr: Floats


class OutcomeColumns(NamedTuple):
    """What became of each candle: mask of failed gates, reason, refusal, open positions and equity afterwards."""

    failed: Bytes
    reason: Bytes
    refusal: Bytes
    open_positions: Bytes
    equity: Integers


def empty_assessments(length: int) -> AssessmentColumns:
    """Return columns for the assessments of `length` candles, not yet filled."""
    session, spread, news, state = (np.empty(length, dtype=np.uint8) for _ in range(4))
    return AssessmentColumns(session, spread, news, state, np.empty(length, dtype=np.int8), np.empty(length))


def empty_outcomes(length: int) -> OutcomeColumns:
    """Return columns for the outcomes of `length` candles, not yet filled."""
    failed, reason, refusal, positions = (np.empty(length, dtype=np.uint8) for _ in range(4))
    return OutcomeColumns(failed, reason, refusal, positions, np.empty(length, dtype=np.int64))


@jitable
def candle_at(columns: CandleColumns, row: int) -> Candle:
    """Return one candle of the columns."""
    return Candle(
        columns.time[row],
        columns.bid_open[row],
        columns.bid_high[row],
        columns.bid_low[row],
        columns.bid_close[row],
        columns.ask_open[row],
        columns.ask_high[row],
        columns.ask_low[row],
        columns.ask_close[row],
        columns.volume[row],
    )


@jitable
def _measure_row(
    candles: CandleColumns,
    facts: FactColumns,
    params: MarketParams,
    state: MarketMemory,
    cells: MarketCells,
    assessed: AssessmentColumns,
    row: int,
) -> MarketMemory:
    candle = candle_at(candles, row)
    fact = CalendarFacts(
        facts.market_open[row] != 0, facts.session_open[row] != 0, facts.news[row], facts.trading_day[row]
    )
    state, measures = measure_step(state, cells.strategy, candle, fact, params)
    assessed.session[row] = session_verdict(fact.market_open, fact.session_open)
    assessed.spread[row] = spread_verdict(candle.ask_close - candle.bid_close, params.max_spread_points)
    assessed.news[row] = news_verdict(fact.news)
    assessed.signal[row] = measures.signal
    assessed.atr[row] = measures.atr
    return state


@jitable
def _rank_row(
    state: MarketMemory, params: MarketParams, cells: MarketCells, assessed: AssessmentColumns, row: int
) -> None:
    _, market_state = regime_step(cells.atr, state.atr.value, state.adx.value)
    assessed.market_state_verdict[row] = market_state_verdict(market_state, params.allowed_states)


def assess_columns(
    candles: CandleColumns,
    facts: FactColumns,
    params: MarketParams,
    state: MarketMemory,
    cells: MarketCells,
    assessed: AssessmentColumns,
) -> MarketMemory:
    """Run one pair's market machine over its candles and write what the account needs.

    The steps are those of `market_step`. A candle is ranked after the next one was measured: ranking takes turns that
    no processor foresees, and that work fills the time that they cost.
    """
    count = len(candles.time)
    for row in range(count):
        before = state
        state = _measure_row(candles, facts, params, state, cells, assessed, natural(row))
        if row > 0:
            _rank_row(before, params, cells, assessed, natural(row - 1))
    if count > 0:
        _rank_row(state, params, cells, assessed, natural(count - 1))
    return state


@jitable
def _widened(code: Any) -> Any:
    # Columns hold codes in one byte; compiled code needs them as wide as every other integer.
    return code + 0


@jitable
def _assessment_at(assessed: AssessmentColumns, row: int) -> Assessment:
    # The account reads verdicts, signal and ATR; the figures behind them stay with the market.
    return Assessment(
        _widened(assessed.session[row]),
        _widened(assessed.spread[row]),
        _widened(assessed.news[row]),
        _widened(assessed.market_state_verdict[row]),
        _widened(assessed.signal[row]),
        UNKNOWN,
        0,
        assessed.atr[row],
        NAN,
        NAN,
        Readings(NAN, NAN, NAN, NAN, NAN, NAN),
    )


def settle_columns(
    sequence: Integers,
    pair_of_row: Bytes,
    granularity_seconds: Integers,
    candles: CandleColumns,
    trading_day: Integers,
    assessed: AssessmentColumns,
    table: PairTable,
    params: AccountParams,
    state: AccountState,
    books: Books,
    log: TradeLog,
    outcomes: OutcomeColumns,
) -> AccountState:
    """Run the account machine over the rows of all pairs in the order of `sequence`.

    Candle columns hold the pairs one after the other; outcomes are written in the order of `sequence`.
    """
    for place in range(len(sequence)):
        row = natural(sequence[place])
        pair = natural(pair_of_row[row])
        candle = candle_at(candles, row)
        state, outcome = account_step(
            state,
            books,
            log,
            table,
            pair,
            candle,
            _assessment_at(assessed, row),
            candle.time + granularity_seconds[pair],
            trading_day[row],
            AT_CLOSE,
            params,
        )
        outcomes.failed[place] = outcome.failed
        outcomes.reason[place] = outcome.reason
        outcomes.refusal[place] = outcome.refusal
        outcomes.open_positions[place] = state.open_positions
        outcomes.equity[place] = state.equity
    return state
