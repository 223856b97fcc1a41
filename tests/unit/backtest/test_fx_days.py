"""Figures of days go by FX days, five a week, against a reckoning of its own with the standard library alone."""

import math
import statistics
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from services.backtest.metrics import daily_returns, measure
from services.backtest.result import BacktestResult
from shared.calendar.trading_day import fx_day_numbers, trading_day_date
from shared.core.types import QUANTA_PER_UNIT
from shared.settings.settings import Settings, load_settings
from tests.fixtures.backtested import run_backtest
from tests.fixtures.paper import sample_series

NEW_YORK = ZoneInfo("America/New_York")


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def fx_date(open_time: int) -> date:
    """Return the business day of a moment: that of the New York evening to come, Friday where this is a weekend's."""
    day = (datetime.fromtimestamp(open_time, UTC).astimezone(NEW_YORK) + timedelta(hours=7)).date()
    while day.isoweekday() > 5:
        day -= timedelta(days=1)
    return day


@pytest.mark.parametrize(
    ("open_time", "begins_on"),
    [
        ("2024-03-03T22:00:00Z", "2024-03-03"),  # Sunday 17:00 in winter: the week begins
        ("2024-03-04T21:59:59Z", "2024-03-03"),
        ("2024-03-04T22:00:00Z", "2024-03-04"),
        ("2024-03-08T21:59:59Z", "2024-03-07"),  # Friday, the last second
        ("2024-03-08T22:00:00Z", "2024-03-07"),  # closed: still Friday's
        ("2024-03-10T20:59:59Z", "2024-03-07"),  # Sunday, the day on which New York's clocks go forward
        ("2024-03-10T21:00:00Z", "2024-03-10"),
        ("2024-03-11T00:00:00Z", "2024-03-10"),
        ("2024-11-03T21:59:59Z", "2024-10-31"),  # and back
        ("2024-11-03T22:00:00Z", "2024-11-03"),
    ],
)
def test_fx_days_begin_at_17_in_new_york_and_weekends_belong_to_friday(open_time: str, begins_on: str) -> None:
    assert trading_day_date(fx_day_numbers(seconds(open_time))) == date.fromisoformat(begins_on)
    column = fx_day_numbers(np.array([seconds(open_time)]))
    assert trading_day_date(int(column[0])) == date.fromisoformat(begins_on)


def test_every_week_of_a_year_has_five_fx_days() -> None:
    hours = np.arange(seconds("2024-01-07T22:00:00Z"), seconds("2025-01-05T22:00:00Z"), 3600)
    days = fx_day_numbers(hours)
    assert (np.diff(days) >= 0).all()
    assert len(np.unique(days)) == 52 * 5
    assert [fx_date(hour) for hour in hours.tolist()] == [
        trading_day_date(day) + timedelta(days=1) for day in days.tolist()
    ]


def test_sunday_evening_belongs_to_the_figures_of_monday() -> None:
    result = usd_jpy(Settings())
    first, last = (result.decision_times[place].item() - 300 for place in (0, -1))
    assert (datetime.fromtimestamp(first, UTC).isoweekday(), datetime.fromtimestamp(last, UTC).isoweekday()) == (7, 5)
    # Five weeks from a Sunday evening to a Friday evening; by UTC dates there would be 30 days.
    assert measure(result).fx_days == 25


def usd_jpy(settings: Settings) -> BacktestResult:
    return run_backtest(sample_series("USD_JPY"), settings)


def returns_by_day(result: BacktestResult) -> list[float]:
    last: dict[date, float] = {}
    for decided, equity in zip(result.decision_times.tolist(), result.outcomes.equity.tolist(), strict=True):
        last[fx_date(decided - 300)] = equity / QUANTA_PER_UNIT
    return [after / before - 1 for before, after in pairwise([result.start_balance / QUANTA_PER_UNIT, *last.values()])]


@pytest.mark.parametrize("loss_day", ["UTC", "Asia/Tokyo"])
def test_figures_of_days_are_those_of_an_independent_reckoning(loss_day: str) -> None:
    settings = load_settings(None, {"SCALP_BOT_CALENDAR__TRADING_DAY_ZONE": loss_day})
    assert settings.calendar.trading_day_zone == loss_day
    result = usd_jpy(settings)
    metrics = measure(result)
    returns = returns_by_day(result)
    year = 252
    mean = statistics.fmean(returns)
    downside = math.sqrt(sum(value**2 for value in returns if value < 0) / len(returns))
    growth = 100 * (math.prod(1 + value for value in returns) ** (year / len(returns)) - 1)
    deepest = peak = 0.0
    for equity in (result.start_balance, *result.outcomes.equity.tolist()):
        peak = max(peak, equity)
        deepest = max(deepest, 100 * (peak - equity) / peak)
    assert metrics.trades > 50
    assert daily_returns(result).tolist() == pytest.approx(returns)
    assert metrics.sharpe == pytest.approx(mean / statistics.stdev(returns) * math.sqrt(year))
    assert metrics.sortino == pytest.approx(mean / downside * math.sqrt(year))
    assert metrics.calmar == pytest.approx(growth / deepest)
    assert metrics.trades_per_day == pytest.approx(metrics.trades / 25)
    assert len(returns) == 25
