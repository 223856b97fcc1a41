"""What the calendar says of a pair's candles, for one candle or for a column of a million."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from shared.calendar.economic import EconomicCalendar, NewsWindows
from shared.calendar.market_hours import is_market_open, market_open
from shared.calendar.sessions import SessionWindow, is_session_open, session_open
from shared.calendar.trading_day import trading_day_numbers
from shared.core.columns import Bytes, FactColumns, Integers
from shared.core.types import NEWS_CLEAR, NEWS_MISSING, NEWS_NEAR, CalendarFacts, Instrument

# Candles reckoned at a time: the columns in between stay in the processor's cache.
_CHUNK: Final = 32_768


@dataclass(frozen=True)
class CalendarRules:
    """How a pair's calendar facts are reckoned.

    `blocks_without_news` says whether a missing or stale news calendar counts as news.
    """

    instrument: Instrument
    windows: tuple[SessionWindow, ...]
    trading_day_zone: str = "UTC"
    trading_day_hour: int = 0
    news_minutes: int = 15
    news_max_age_hours: float = 24
    blocks_without_news: bool = False


@dataclass(frozen=True)
class PairCalendar:
    """The calendar of one pair: its rules and the economic events, if they are known.

    Decision times (open time plus granularity) settle market, session and news; open times settle the trading day.
    """

    rules: CalendarRules
    news: EconomicCalendar | None = None

    @cached_property
    def _news_windows(self) -> NewsWindows:
        pair = self.rules.instrument
        if self.news is None:
            return NewsWindows((), ())
        return self.news.windows((pair.base, pair.quote), self.rules.news_minutes)

    def fact_at(self, decision_time: int, open_time: int) -> CalendarFacts:
        """Return what the calendar says of one candle."""
        rules = self.rules
        return CalendarFacts(
            market_open=is_market_open(decision_time),
            session_open=is_session_open(rules.windows, decision_time),
            news=self._news_at(decision_time),
            trading_day=trading_day_numbers(open_time, rules.trading_day_zone, rules.trading_day_hour),
        )

    def facts(self, decision_times: Integers, open_times: Integers) -> FactColumns:
        """Return what the calendar says of a column of candles."""
        chunks = [slice(start, start + _CHUNK) for start in range(0, max(1, len(decision_times)), _CHUNK)]
        told = [self._facts_of_chunk(decision_times[chunk], open_times[chunk]) for chunk in chunks]
        return FactColumns._make(np.concatenate(parts) for parts in zip(*told, strict=True))

    def _facts_of_chunk(self, decision_times: Integers, open_times: Integers) -> FactColumns:
        rules = self.rules
        return FactColumns(
            market_open=market_open(decision_times).view(np.uint8),
            session_open=session_open(rules.windows, decision_times).view(np.uint8),
            news=self._news(decision_times),
            trading_day=trading_day_numbers(open_times, rules.trading_day_zone, rules.trading_day_hour),
        )

    def _news_at(self, decision_time: int) -> int:
        if self._news_windows.holds(decision_time):
            return NEWS_NEAR
        if not self.rules.blocks_without_news:
            return NEWS_CLEAR
        stale = self.news is None or self.news.is_stale(decision_time, self.rules.news_max_age_hours)
        return NEWS_MISSING if stale else NEWS_CLEAR

    def _news(self, decision_times: Integers) -> Bytes:
        verdicts = np.full(decision_times.shape, NEWS_CLEAR, np.uint8)
        if self.rules.blocks_without_news:
            oldest_allowed_seconds = self.rules.news_max_age_hours * 3600
            if self.news is None:
                verdicts[:] = NEWS_MISSING
            else:
                verdicts[decision_times - self.news.fetched_at > oldest_allowed_seconds] = NEWS_MISSING
        verdicts[self._news_windows.hold(decision_times)] = NEWS_NEAR
        return verdicts
