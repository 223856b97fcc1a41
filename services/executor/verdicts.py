"""The record of a judged candle: every gate's verdict with its value and limit, and the figures behind them."""

import math
from datetime import UTC, datetime
from typing import Final

from shared.contracts.decimals import format_pips
from shared.contracts.facts import CandleAssessed
from shared.core.account import Outcome
from shared.core.gates import signal_verdict
from shared.core.strategies import strategy_named
from shared.core.types import MARKET_STATE_NAMES, SIDE_NAMES
from shared.settings.settings import Settings
from shared.store.rows.market import Verdicts

# From here on, hours say more than minutes.
_LONG_MINUTES: Final = 180


class VerdictWriter:
    """Write the records of one pair's candles; the limits are those of its settings."""

    def __init__(self, pair: str, settings: Settings) -> None:
        """Settle what does not change from candle to candle."""
        settled = settings.pair(pair)
        strategy = strategy_named(settled.strategy)
        allowed = [name for number, name in enumerate(MARKET_STATE_NAMES) if strategy.allowed_states & (1 << number)]
        self._pair = pair
        self._names = ("atr", "atr_median", "adx", *strategy.reading_names)
        self._limits = (
            ", ".join(map(str, settled.sessions)),
            f"{format_pips(settled.max_spread_points)} pips",
            f"{settings.gates.news_minutes} min",
            str(settings.gates.max_open_positions),
            f"{settings.gates.daily_loss_percent.normalize():f} %",
            ", ".join(allowed),
            "BUY or SELL",
        )

    def verdicts(self, fact: CandleAssessed, outcome: Outcome) -> Verdicts:
        """Return the seven verdicts."""
        assessment = fact.assessment
        reasons = (
            assessment.session,
            assessment.spread,
            assessment.news,
            outcome.position_verdict,
            outcome.daily_loss_verdict,
            assessment.market_state_verdict,
            signal_verdict(assessment.signal),
        )
        values = (
            _clock(fact.closed.decision_time),
            f"{format_pips(assessment.spread_points)} pips",
            _news(fact),
            f"{outcome.open_positions} open",
            _drawdown(outcome),
            MARKET_STATE_NAMES[assessment.market_state],
            SIDE_NAMES[assessment.signal],
        )
        return Verdicts(reasons, values, self._limits)

    def indicators(self, fact: CandleAssessed) -> dict[str, float | None]:
        """Return the readings behind the verdicts by name; one that is not valid yet is None."""
        assessment = fact.assessment
        figures = (assessment.atr, assessment.atr_median, assessment.adx, *assessment.readings)
        # A strategy has at most as many figures of its own as there is room for.
        named = zip(self._names, figures, strict=False)
        return {name: figure if math.isfinite(figure) else None for name, figure in named}


def _clock(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%a %H:%M UTC")


def _news(fact: CandleAssessed) -> str:
    if fact.news is None:
        return "no event known"
    minutes = fact.news.minutes
    distance = f"{abs(minutes):.0f} min" if abs(minutes) < _LONG_MINUTES else f"{abs(minutes) / 60:.0f} h"
    when = f"in {distance}" if minutes >= 0 else f"{distance} ago"
    return f"{fact.news.currency} {fact.news.title} {when}"


def _drawdown(outcome: Outcome) -> str:
    lost = outcome.day_start_equity - outcome.equity
    percent = 100.0 * lost / outcome.day_start_equity if outcome.day_start_equity > 0 else math.inf
    return f"{max(percent, 0.0):.2f} %"
