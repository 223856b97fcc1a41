"""Verdicts of the seven gates: 0 when a gate lets a candle pass, else the reason why not."""

from typing import Final

from shared.core.jit import jitable
from shared.core.types import (
    DAILY_LOSS_HALT,
    GATE_DAILY_LOSS,
    GATE_MARKET_STATE,
    GATE_NEWS,
    GATE_OPEN_POSITION,
    GATE_SESSION,
    GATE_SIGNAL,
    GATE_SPREAD,
    MARKET_CLOSED,
    MAX_OPEN_POSITIONS,
    NEWS_CALENDAR_MISSING,
    NEWS_MISSING,
    NEWS_NEAR,
    NEWS_WINDOW,
    NO_SIDE,
    NO_SIGNAL,
    PASSED,
    POSITION_OPEN,
    RANGING,
    SESSION_CLOSED,
    SPREAD_TOO_WIDE,
    STATE_RANGING,
    STATE_TRENDING,
    STATE_VOLATILE,
    STATE_WEAK_TREND,
    TRENDING,
    VOLATILE,
    WARMING_UP,
    WEAK_TREND,
    MarketState,
    Reason,
    Side,
)

# In the order of the states, from the one that is not known yet.
_REASON_OF_STATE: Final = (WARMING_UP, STATE_VOLATILE, STATE_RANGING, STATE_WEAK_TREND, STATE_TRENDING)


@jitable
def session_verdict(market_open: bool, session_open: bool) -> Reason:
    """Judge gate 1: the market is open and the decision lies in one of the pair's windows."""
    if not market_open:
        return MARKET_CLOSED
    return PASSED if session_open else SESSION_CLOSED


@jitable
def spread_verdict(spread_points: int, max_spread_points: int) -> Reason:
    """Judge gate 2: the closing spread is within the limit."""
    return PASSED if spread_points <= max_spread_points else SPREAD_TOO_WIDE


@jitable
def news_verdict(news: int) -> Reason:
    """Judge gate 3: no high-impact event of either currency is near."""
    if news == NEWS_NEAR:
        return NEWS_WINDOW
    return NEWS_CALENDAR_MISSING if news == NEWS_MISSING else PASSED


@jitable
def position_verdict(pair_has_position: bool, open_positions: int, max_open_positions: int) -> Reason:
    """Judge gate 4: the pair is flat and the account has room for one more position."""
    if pair_has_position:
        return POSITION_OPEN
    return PASSED if open_positions < max_open_positions else MAX_OPEN_POSITIONS


@jitable
def daily_loss_verdict(halted: bool) -> Reason:
    """Judge gate 5: today's drawdown never reached the limit."""
    return DAILY_LOSS_HALT if halted else PASSED


@jitable
def classify_market(atr: float, atr_median: float, adx: float) -> MarketState:
    """Classify the market from valid readings: volatile, ranging, weak trend or trending, in this order of test."""
    if atr > 1.3 * atr_median and adx < 20.0:
        return VOLATILE
    if atr < 0.7 * atr_median:
        return RANGING
    if adx >= 30.0:
        return TRENDING
    if adx >= 25.0:
        return WEAK_TREND
    return RANGING


@jitable
def market_state_verdict(market_state: MarketState, allowed_states: int) -> Reason:
    """Judge gate 6: the market's state is one of the strategy's (bit n of `allowed_states` allows state n)."""
    return PASSED if (allowed_states >> market_state) & 1 else _REASON_OF_STATE[market_state]


@jitable
def signal_verdict(signal: Side) -> Reason:
    """Judge gate 7: the strategy says BUY or SELL."""
    return NO_SIGNAL if signal == NO_SIDE else PASSED


@jitable
def failed_gates(
    session: Reason,
    spread: Reason,
    news: Reason,
    position: Reason,
    daily_loss: Reason,
    market_state: Reason,
    signal: Reason,
) -> int:
    """Return the mask of the gates that failed: bit (number - 1) of each."""
    return (
        ((session != PASSED) << (GATE_SESSION - 1))
        | ((spread != PASSED) << (GATE_SPREAD - 1))
        | ((news != PASSED) << (GATE_NEWS - 1))
        | ((position != PASSED) << (GATE_OPEN_POSITION - 1))
        | ((daily_loss != PASSED) << (GATE_DAILY_LOSS - 1))
        | ((market_state != PASSED) << (GATE_MARKET_STATE - 1))
        | ((signal != PASSED) << (GATE_SIGNAL - 1))
    )


@jitable
def first_reason(
    session: Reason,
    spread: Reason,
    news: Reason,
    position: Reason,
    daily_loss: Reason,
    market_state: Reason,
    signal: Reason,
) -> Reason:
    """Return the reason of the first gate that failed, in the gates' order, or 0 when all passed."""
    if session != PASSED:
        return session
    if spread != PASSED:
        return spread
    if news != PASSED:
        return news
    if position != PASSED:
        return position
    if daily_loss != PASSED:
        return daily_loss
    if market_state != PASSED:
        return market_state
    return signal


ALLOWS_TRENDS = (1 << TRENDING) | (1 << WEAK_TREND)
ALLOWS_RANGES = 1 << RANGING
ALLOWS_ALL_BUT_VOLATILE = ALLOWS_TRENDS | ALLOWS_RANGES
