"""The gate funnel, the acceptance thresholds, and training against validation."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.funnel import gate_funnel
from services.backtest.metrics import measure
from services.backtest.thresholds import ThresholdVerdict, acceptance
from services.backtest.walk_forward import JudgedSpan, Split, WalkForward, Window
from shared.core.types import GATE_NAMES, STOP_INSIDE_SPREAD
from tests.unit.backtest.builders import START, a_result, a_trade


def _side(profits: list[float]) -> JudgedSpan:
    result = a_result([10_000.0 + sum(profits)], [a_trade(profit) for profit in profits])
    return JudgedSpan(START, result.end_time, result.candles, measure(result))


def test_funnel_counts_who_stopped_a_candle_first_and_who_failed_it_in_all() -> None:
    funnel = gate_funnel(a_result([10_000] * 5, failed=[0b1000011, 0b1000010, 0b1000000, 0, 0]))
    by_name = {gate.name: (gate.stopped_first, gate.failed) for gate in funnel.gates}
    assert by_name["session"] == (1, 1)
    assert by_name["spread"] == (1, 2)
    assert by_name["signal"] == (1, 3)
    assert by_name["news"] == (0, 0)
    assert funnel.passed == 2


@given(st.lists(st.integers(0, 127), min_size=1, max_size=200))
def test_each_candle_is_stopped_by_one_gate_or_passes(masks: list[int]) -> None:
    funnel = gate_funnel(a_result([10_000] * len(masks), failed=masks))
    assert sum(gate.stopped_first for gate in funnel.gates) + funnel.passed == len(masks)
    assert [gate.name for gate in funnel.gates] == list(GATE_NAMES)
    assert all(gate.stopped_first <= gate.failed for gate in funnel.gates)
    for place, gate in enumerate(funnel.gates):
        assert gate.failed == sum(mask >> place & 1 for mask in masks)


def test_refusals_are_told_by_reason() -> None:
    result = a_result([10_000] * 3, refusal=[0, STOP_INSIDE_SPREAD, STOP_INSIDE_SPREAD])
    assert result.refusals == {"stop_inside_spread": 2}


def test_thresholds_pass_fail_or_are_not_judged() -> None:
    metrics = measure(a_result([10_010], [a_trade(20), a_trade(20), a_trade(-10)]))
    verdicts = {each.name: each.verdict for each in acceptance(metrics, None)}
    assert verdicts == {
        "win_rate_percent": ThresholdVerdict.PASS,
        "profit_factor": ThresholdVerdict.PASS,
        "max_drawdown_percent": ThresholdVerdict.PASS,
        "sharpe": ThresholdVerdict.NOT_JUDGED,
        "win_rate_gap_points": ThresholdVerdict.NOT_JUDGED,
    }


@pytest.mark.parametrize(
    ("win_rate", "verdict"),
    [(50.0, ThresholdVerdict.FAIL), (50.1, ThresholdVerdict.PASS), (None, ThresholdVerdict.NOT_JUDGED)],
)
def test_a_threshold_must_be_exceeded_not_just_reached(win_rate: float | None, verdict: ThresholdVerdict) -> None:
    metrics = replace(measure(a_result([10_000])), win_rate_percent=win_rate)
    assert acceptance(metrics, None)[0].verdict is verdict


@pytest.mark.parametrize(
    ("gap", "verdict"), [(14.9, ThresholdVerdict.PASS), (15.0, ThresholdVerdict.FAIL), (-40.0, ThresholdVerdict.PASS)]
)
def test_the_gap_of_win_rates_must_stay_below_fifteen_points(gap: float, verdict: ThresholdVerdict) -> None:
    assert acceptance(measure(a_result([10_000])), gap)[-1].verdict is verdict


def test_overfit_is_judged_only_with_enough_trades_on_both_sides() -> None:
    train, short, long = _side([20.0] * 30), _side([-10.0] * 29), _side([-10.0] * 30)
    assert Split(train, short, 30).win_rate_gap_points is None
    assert not Split(train, short, 30).overfit
    assert Split(train, long, 30).win_rate_gap_points == pytest.approx(100.0)
    assert Split(train, long, 30).overfit


def test_overfit_begins_at_a_gap_of_fifteen_points() -> None:
    train = _side([20.0] * 60 + [-10.0] * 40)
    assert Split(train, _side([20.0] * 45 + [-10.0] * 55), 30).overfit
    assert not Split(train, _side([20.0] * 46 + [-10.0] * 54), 30).overfit


def test_decay_is_the_share_of_the_profit_per_day_that_validation_lost() -> None:
    assert Split(_side([100.0]), _side([25.0]), 30).decay_percent == pytest.approx(75.0)
    assert Split(_side([100.0]), _side([-50.0]), 30).decay_percent == pytest.approx(150.0)
    assert Split(_side([-100.0]), _side([25.0]), 30).decay_percent is None


def test_a_walk_adds_up_its_validations() -> None:
    windows = tuple(
        Window("normal", Split(_side([100.0]), _side(validated), 30)) for validated in ([10.0, 20.0], [-10.0])
    )
    walk = WalkForward(anchored=False, windows=windows)
    assert walk.trades == 3
    assert walk.net == pytest.approx(20.0)
    assert walk.decay_percent == pytest.approx(90.0)
    assert not walk.overfit
