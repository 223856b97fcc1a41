"""The figures of a run, against values worked out by hand or by another formula."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.metrics import (
    Drawdown,
    calmar_ratio,
    daily_returns,
    max_consecutive_losses,
    max_drawdown,
    measure,
    sharpe_ratio,
    sortino_ratio,
)
from shared.core.types import SECONDS_PER_DAY
from tests.unit.backtest.builders import START, a_result, a_trade


def test_wins_and_losses_make_win_rate_profit_factor_and_expectancy() -> None:
    trades = [a_trade(20), a_trade(-10), a_trade(20), a_trade(-10), a_trade(-10)]
    metrics = measure(a_result([10_010], trades))
    assert (metrics.trades, metrics.wins, metrics.losses) == (5, 2, 3)
    assert metrics.win_rate_percent == pytest.approx(40.0)
    assert metrics.profit_factor == pytest.approx(40 / 30)
    assert metrics.expectancy == pytest.approx(2.0)
    assert metrics.expectancy_r == pytest.approx(0.2)
    assert metrics.net == pytest.approx(10.0)
    assert metrics.return_percent == pytest.approx(0.1)


def test_a_trade_without_profit_is_neither_win_nor_loss_but_counts() -> None:
    metrics = measure(a_result([10_010], [a_trade(20), a_trade(0), a_trade(-10)]))
    assert (metrics.trades, metrics.wins, metrics.losses) == (3, 1, 1)
    assert metrics.win_rate_percent == pytest.approx(100 / 3)


def test_profit_factor_is_unknown_without_losses() -> None:
    assert measure(a_result([10_020], [a_trade(20)])).profit_factor is None


def test_a_run_without_trades_has_no_rates_and_no_drawdown() -> None:
    metrics = measure(a_result([10_000] * 20))
    assert metrics.trades == 0
    assert (metrics.win_rate_percent, metrics.profit_factor, metrics.expectancy, metrics.expectancy_r) == (None,) * 4
    assert metrics.mean_holding_seconds is None
    assert metrics.max_drawdown == Drawdown(0.0, None, None)
    assert (metrics.sharpe, metrics.sortino, metrics.calmar) == (None,) * 3


def test_drawdown_is_told_as_percent_of_the_peak_before_it_with_its_dates() -> None:
    drawdown = max_drawdown(a_result([10_000, 12_000, 11_000, 9_000, 11_500, 12_500, 12_000]))
    assert drawdown.percent == pytest.approx(25.0)
    assert drawdown.peak_time == START + 2 * SECONDS_PER_DAY
    assert drawdown.trough_time == START + 4 * SECONDS_PER_DAY


def test_drawdown_counts_the_start_balance_as_a_peak() -> None:
    drawdown = max_drawdown(a_result([9_000, 9_500]))
    assert drawdown == Drawdown(10.0, START, START + SECONDS_PER_DAY)


@given(st.lists(st.integers(1, 2_000_000), min_size=1, max_size=40))
def test_drawdown_is_the_deepest_of_all_falls(cents: list[int]) -> None:
    equity = [value / 100 for value in cents]
    path = [10_000.0, *equity]
    expected = max((max(path[: place + 1]) - value) / max(path[: place + 1]) for place, value in enumerate(path))
    assert max_drawdown(a_result(equity)).percent == pytest.approx(100 * expected)


def test_daily_returns_take_the_last_candle_of_each_day_and_begin_at_the_start_balance() -> None:
    half_days = [10_050, 10_100, 10_000, 10_302]
    result = a_result(half_days, candle_seconds=SECONDS_PER_DAY // 2)
    assert daily_returns(result).tolist() == pytest.approx([0.01, 0.02])


def test_sharpe_and_sortino_follow_their_definitions() -> None:
    equity = [10_000 * (1 + 0.01 * (day % 3 - 0.8)) for day in range(12)]
    returns = daily_returns(a_result(equity))
    values = returns.tolist()
    mean = statistics.fmean(values)
    downside = math.sqrt(statistics.fmean(min(value, 0) ** 2 for value in values))
    assert sharpe_ratio(returns) == pytest.approx(mean / statistics.stdev(values) * math.sqrt(252))
    assert sortino_ratio(returns) == pytest.approx(mean / downside * math.sqrt(252))


def test_ratios_are_unknown_under_ten_days() -> None:
    equity = [10_000 * (1 + 0.01 * (day % 3 - 0.8)) for day in range(9)]
    metrics = measure(a_result(equity))
    assert metrics.fx_days == 9
    assert (metrics.sharpe, metrics.sortino, metrics.calmar) == (None,) * 3


def test_ratios_are_unknown_without_deviation() -> None:
    rising = [10_000 * 1.01**day for day in range(1, 13)]
    metrics = measure(a_result([round(value, 4) for value in rising]))
    assert metrics.sortino is None
    assert metrics.calmar is None


def test_calmar_compounds_growth_to_a_year_over_the_drawdown() -> None:
    assert calmar_ratio(1.1, 126, 10.0) == pytest.approx(2.1)
    assert calmar_ratio(-0.5, 252, 100.0) == pytest.approx(-1.0)


def test_losses_in_a_row_end_with_a_win_or_a_trade_without_profit() -> None:
    assert max_consecutive_losses([a_trade(profit) for profit in (-1, -1, 0, -1, 2, -1, -1, -1)]) == 3
    assert max_consecutive_losses([]) == 0


def test_exposure_holding_time_costs_and_trades_per_day() -> None:
    trades = [a_trade(20, held_seconds=600), a_trade(-10, held_seconds=1200)]
    metrics = measure(a_result([10_010] * 4, trades, open_positions=[0, 1, 2, 0]))
    assert metrics.exposure_percent == pytest.approx(50.0)
    assert metrics.mean_holding_seconds == pytest.approx(900)
    assert metrics.spread_cost == pytest.approx(2.0)
    assert metrics.slippage_cost == pytest.approx(1.0)
    assert metrics.trades_per_day == pytest.approx(0.5)
