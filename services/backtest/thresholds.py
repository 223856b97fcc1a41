"""The acceptance thresholds: what a strategy must show before anyone should trust it."""

from enum import StrEnum
from operator import gt, lt
from typing import Final, NamedTuple

from services.backtest.metrics import Metrics

FEWEST_TRADES: Final = 30
WIN_RATE_GAP_LIMIT_POINTS: Final = 15.0
_COMPARED: Final = {">": gt, "<": lt}


class ThresholdVerdict(StrEnum):
    """Whether a threshold was met, or could not be judged for want of trades or days."""

    PASS = "pass"  # noqa: S105  (a verdict)
    FAIL = "fail"
    NOT_JUDGED = "not_judged"


class Threshold(NamedTuple):
    """One threshold: the figure found, how it must compare with the limit, and the verdict."""

    name: str
    value: float | None
    comparison: str
    limit: float
    verdict: ThresholdVerdict


def acceptance(metrics: Metrics, win_rate_gap_points: float | None) -> tuple[Threshold, ...]:
    """Judge a run; `win_rate_gap_points` is that of training over validation, None where it cannot be judged."""
    return (
        _judged("win_rate_percent", metrics.win_rate_percent, ">", 50.0),
        _judged("profit_factor", metrics.profit_factor, ">", 1.3),
        _judged("max_drawdown_percent", metrics.max_drawdown.percent, "<", 25.0),
        _judged("sharpe", metrics.sharpe, ">", 1.0),
        _judged("win_rate_gap_points", win_rate_gap_points, "<", WIN_RATE_GAP_LIMIT_POINTS),
    )


def _judged(name: str, value: float | None, comparison: str, limit: float) -> Threshold:
    if value is None:
        verdict = ThresholdVerdict.NOT_JUDGED
    else:
        verdict = ThresholdVerdict.PASS if _COMPARED[comparison](value, limit) else ThresholdVerdict.FAIL
    return Threshold(name=name, value=value, comparison=comparison, limit=limit, verdict=verdict)
