"""What is shown of a judged candle: each gate's value and limit, and the figures behind them."""

from typing import Any

import pytest

from services.executor.verdicts import VerdictWriter
from shared.contracts.facts import CandleAssessed, NewsEvent
from shared.core.account import Outcome
from shared.core.types import PASSED, SPREAD_TOO_WIDE, Readings
from shared.settings.settings import Settings
from tests.fixtures.market import assessment
from tests.unit.executor.judged import PAIR, judged


def outcome(start: int = 1_000, equity: int = 1_000) -> Outcome:
    """Return what became of a candle on a day that began with some equity."""
    return Outcome(
        failed=0,
        reason=PASSED,
        refusal=PASSED,
        position_verdict=PASSED,
        daily_loss_verdict=PASSED,
        open_positions=2,
        equity=equity,
        day_start_equity=start,
        opened=False,
        halted_now=False,
    )


def shown(fact: CandleAssessed, found: Outcome | None = None) -> dict[str, dict[str, Any]]:
    """Return the verdicts by the names of their gates."""
    return {
        each["gate"]: each for each in VerdictWriter(PAIR, Settings()).verdicts(fact, found or outcome()).in_words()
    }


def test_each_gate_is_shown_with_its_value_and_limit() -> None:
    """A strategy that follows trends is allowed in weak and strong ones."""
    verdicts = shown(judged(found=assessment(spread=SPREAD_TOO_WIDE, spread_points=25)))
    assert {
        gate: (each["passed"], each["reason"], each["value"], each["limit"]) for gate, each in verdicts.items()
    } == {
        "session": (True, "passed", "Tue 00:05 UTC", "08:00-17:00 UTC"),
        "spread": (False, "spread_too_wide", "2.5 pips", "1.5 pips"),
        "news": (True, "passed", "no event known", "15 min"),
        "open_position": (True, "passed", "2 open", "3"),
        "daily_loss": (True, "passed", "0.00 %", "3 %"),
        "market_state": (True, "passed", "trending", "weak_trend, trending"),
        "signal": (False, "no_signal", "NONE", "BUY or SELL"),
    }


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (0.0, "in 0 min"),
        (0.5, "in 0 min"),
        (-0.6, "1 min ago"),
        (179.0, "in 179 min"),
        (180.0, "in 3 h"),
        (-200.0, "3 h ago"),
    ],
)
def test_news_are_told_in_minutes_and_from_three_hours_on_in_hours(minutes: float, text: str) -> None:
    fact = judged(news=NewsEvent("Payrolls", "USD", minutes))
    assert shown(fact)["news"]["value"] == f"USD Payrolls {text}"
    assert shown(judged())["news"]["value"] == "no event known"


@pytest.mark.parametrize(
    ("start", "equity", "text"), [(1_000, 970, "3.00 %"), (1_000, 1_010, "0.00 %"), (1, 0, "100.00 %"), (0, 0, "inf %")]
)
def test_days_loss_is_told_in_percent_of_its_start(start: int, equity: int, text: str) -> None:
    assert shown(judged(), outcome(start, equity))["daily_loss"]["value"] == text


def test_readings_that_are_not_valid_yet_are_null() -> None:
    readings = Readings(1.5, *(float("nan"),) * 5)
    found = VerdictWriter(PAIR, Settings()).indicators(judged(found=assessment(readings=readings)))
    assert found == {
        "atr": 0.001,
        "atr_median": 0.001,
        "adx": 30.0,
        "ema_fast": 1.5,
        "ema_slow": None,
        "previous_ema_fast": None,
        "previous_ema_slow": None,
        "vwap": None,
    }
