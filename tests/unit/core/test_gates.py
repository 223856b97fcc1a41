"""The seven gates at their limits, the order of their reasons and the mask of their failures."""

from itertools import product

import pytest

from shared.core.gates import (
    classify_market,
    daily_loss_verdict,
    failed_gates,
    first_reason,
    market_state_verdict,
    news_verdict,
    position_verdict,
    session_verdict,
    signal_verdict,
    spread_verdict,
)
from shared.core.market import MarketParams, market_step
from shared.core.strategies import strategy_named
from shared.core.types import (
    BUY,
    DAILY_LOSS_HALT,
    GATE_NAMES,
    MARKET_CLOSED,
    MARKET_STATE_NAMES,
    MAX_OPEN_POSITIONS,
    NEWS_CALENDAR_MISSING,
    NEWS_CLEAR,
    NEWS_MISSING,
    NEWS_NEAR,
    NEWS_WINDOW,
    NO_SIDE,
    NO_SIGNAL,
    PASSED,
    POSITION_OPEN,
    RANGING,
    REASON_NAMES,
    SELL,
    SESSION_CLOSED,
    SPREAD_TOO_WIDE,
    STATE_RANGING,
    TRENDING,
    UNKNOWN,
    VOLATILE,
    WARMING_UP,
    WEAK_TREND,
    Assessment,
    Candle,
    MarketState,
)
from tests.fixtures.market import candle, facts, fresh_market, market_params, quiet_candles


def assess(candles: list[Candle], params: MarketParams, **changed: object) -> list[Assessment]:
    """Return the assessments of candles by a new market machine."""
    (state, cells), found = fresh_market(params), []
    for each in candles:
        state, assessment = market_step(state, cells, each, facts(each, **changed), params)
        found.append(assessment)
    return found


def test_session_gate_asks_for_an_open_market_first() -> None:
    assert session_verdict(True, True) == PASSED
    assert session_verdict(True, False) == SESSION_CLOSED
    assert session_verdict(False, True) == MARKET_CLOSED
    assert session_verdict(False, False) == MARKET_CLOSED


def test_spread_at_the_limit_passes_and_one_point_more_fails() -> None:
    assert spread_verdict(15, 15) == PASSED
    assert spread_verdict(16, 15) == SPREAD_TOO_WIDE
    assert spread_verdict(0, 0) == PASSED


def test_spread_gate_reads_the_close_only() -> None:
    wide_open = candle(spread=15)._replace(ask_open=110_400, ask_high=110_500)
    assert assess([wide_open], market_params(max_spread_points=15))[0].spread == PASSED
    assert assess([candle(spread=16)], market_params(max_spread_points=15))[0].spread == SPREAD_TOO_WIDE


def test_news_gate_names_news_and_a_missing_calendar() -> None:
    assert news_verdict(NEWS_CLEAR) == PASSED
    assert news_verdict(NEWS_NEAR) == NEWS_WINDOW
    assert news_verdict(NEWS_MISSING) == NEWS_CALENDAR_MISSING


def test_calendar_facts_reach_the_verdicts() -> None:
    closed, late, news, missing = (
        assess([candle()], market_params(), **changed)[0]
        for changed in ({"market_open": False}, {"session_open": False}, {"news": NEWS_NEAR}, {"news": NEWS_MISSING})
    )
    assert (closed.session, late.session) == (MARKET_CLOSED, SESSION_CLOSED)
    assert (news.news, missing.news) == (NEWS_WINDOW, NEWS_CALENDAR_MISSING)


def test_open_position_gate_names_the_pairs_own_position_before_the_limit() -> None:
    assert position_verdict(False, 2, 3) == PASSED
    assert position_verdict(False, 3, 3) == MAX_OPEN_POSITIONS
    assert position_verdict(True, 3, 3) == POSITION_OPEN
    assert position_verdict(True, 1, 3) == POSITION_OPEN


def test_daily_loss_gate_fails_while_halted() -> None:
    assert daily_loss_verdict(False) == PASSED
    assert daily_loss_verdict(True) == DAILY_LOSS_HALT


def test_signal_gate_passes_either_side() -> None:
    assert [signal_verdict(signal) for signal in (BUY, SELL, NO_SIDE)] == [PASSED, PASSED, NO_SIGNAL]


@pytest.mark.parametrize(
    ("atr", "adx", "state"),
    [
        (1.3000001, 19.9999, VOLATILE),
        (1.3, 19.9999, RANGING),
        (1.3000001, 20.0, RANGING),
        (1.3000001, 30.0, TRENDING),
        (0.6999999, 40.0, RANGING),
        (0.7, 40.0, TRENDING),
        (0.6999999, 10.0, RANGING),
        (1.0, 30.0, TRENDING),
        (1.0, 29.9999, WEAK_TREND),
        (1.0, 25.0, WEAK_TREND),
        (1.0, 24.9999, RANGING),
        (1.0, 0.0, RANGING),
    ],
)
def test_market_state_is_classified_in_the_written_order(atr: float, adx: float, state: int) -> None:
    assert classify_market(atr, 1.0, adx) == state


@pytest.mark.parametrize(
    ("strategy", "allowed"),
    [
        ("ema_vwap", {"trending", "weak_trend"}),
        ("vwap_rsi", {"ranging"}),
        ("bb_breakout", {"ranging", "weak_trend", "trending"}),
    ],
)
def test_each_strategy_trades_in_its_own_market_states(strategy: str, allowed: set[str]) -> None:
    states = strategy_named(strategy).allowed_states
    for state, name in enumerate(MARKET_STATE_NAMES):
        verdict = market_state_verdict(MarketState(state), states)
        refusal = "warming_up" if name == "warming_up" else f"state_{name}"
        assert REASON_NAMES[verdict] == ("passed" if name in allowed else refusal)


def test_market_state_is_warming_up_until_fifty_readings_of_atr_are_in() -> None:
    assessments = assess(quiet_candles(70), market_params(strategy="vwap_rsi"))
    assert [each.market_state_verdict for each in assessments[:63]] == [WARMING_UP] * 63
    assert [each.market_state for each in assessments[:63]] == [UNKNOWN] * 63
    assert [each.market_state_verdict for each in assessments[63:]] == [PASSED] * 7
    assert {each.market_state for each in assessments[63:]} == {RANGING}


def test_median_counts_the_current_reading_and_no_more_than_200() -> None:
    calm = [candle(index * 300, high=110_010, low=109_990) for index in range(215)]
    storm = [candle((215 + index) * 300, high=110_100, low=109_900) for index in range(150)]
    assessments = assess(calm + storm, market_params())
    atrs = [each.atr for each in assessments]
    for index in (63, 64, 213, 214, 215, 300, 313, 314, 364):
        held = sorted(atrs[max(14, index - 199) : index + 1])
        middle = len(held) // 2
        median = held[middle] if len(held) % 2 else (held[middle - 1] + held[middle]) / 2
        assert assessments[index].atr_median == median


def test_storm_without_direction_is_volatile_and_the_calm_after_it_ranging() -> None:
    calm = [candle(index * 300, high=110_010, low=109_990) for index in range(100)]
    rise_and_fall = ((110_100, 109_940), (110_060, 109_900))
    storm = [
        candle((100 + index) * 300, high=rise_and_fall[index % 2][0], low=rise_and_fall[index % 2][1])
        for index in range(30)
    ]
    still = [candle((130 + index) * 300, high=110_004, low=109_996) for index in range(40)]
    states = [each.market_state for each in assess(calm + storm + still, market_params())]
    assert states[99] == RANGING
    assert states[129] == VOLATILE
    assert states[169] == RANGING


def test_steady_climb_is_trending() -> None:
    climb = [candle(index * 300, 110_000 + 5 * index, close=110_005 + 5 * index) for index in range(80)]
    assert assess(climb, market_params())[-1].market_state == TRENDING
    assert assess(climb, market_params())[-1].market_state_verdict == PASSED
    assert STATE_RANGING in {each.market_state_verdict for each in assess(quiet_candles(80), market_params())}


def test_first_reason_is_that_of_the_first_gate_that_failed() -> None:
    reasons = (SESSION_CLOSED, SPREAD_TOO_WIDE, NEWS_WINDOW, POSITION_OPEN, DAILY_LOSS_HALT, STATE_RANGING, NO_SIGNAL)
    for failing in product((False, True), repeat=len(GATE_NAMES)):
        verdicts = [reason if fails else PASSED for reason, fails in zip(reasons, failing, strict=True)]
        expected = next((verdict for verdict in verdicts if verdict), PASSED)
        assert first_reason(*verdicts) == expected
        assert failed_gates(*verdicts) == sum(fails << place for place, fails in enumerate(failing))
