"""One pair's desk: it keeps the market machine and turns closed candles into assessed ones."""

from bisect import bisect_left
from typing import Final, NamedTuple

from shared.calendar.economic import EconomicCalendar, EconomicEvent
from shared.calendar.facts import PairCalendar
from shared.contracts.facts import CandleAssessed, CandleClosed, NewsEvent
from shared.contracts.instruments import require_grid
from shared.contracts.runs import RunMode
from shared.contracts.state_json import decode_state, encode_state
from shared.core.market import MarketCells, MarketMemory, market_cells, market_start, market_step
from shared.core.types import (
    NEWS_CALENDAR_MISSING,
    NEWS_CLEAR,
    NEWS_MISSING,
    NEWS_NEAR,
    NEWS_WINDOW,
    PASSED,
    Reason,
    list_of_floats,
    list_of_integers,
)
from shared.settings.machine_params import market_params
from shared.settings.settings import Settings

_NEWS_OF_VERDICT: Final = {PASSED: NEWS_CLEAR, NEWS_WINDOW: NEWS_NEAR, NEWS_CALENDAR_MISSING: NEWS_MISSING}


class KnownNews(NamedTuple):
    """What was known of the news when a candle was judged: the verdict of gate 3, and the nearest event."""

    verdict: Reason
    event: NewsEvent | None


class PairDesk:
    """The market machine of one pair with its calendar."""

    def __init__(self, pair: str, settings: Settings, mode: RunMode, news: EconomicCalendar | None) -> None:
        """Begin with an empty machine; `restore` continues a stored one."""
        self.pair = pair
        self._mode = mode
        self._news = news
        self.follow(settings, 0)
        self._state, self._cells = self._fresh()

    def follow(self, settings: Settings, version: int) -> None:
        """Go by a version of the parameters from the next candle on; the machine, which has none in it, goes on."""
        settled = settings.pair(self.pair)
        self._instrument = settled.instrument
        self._strategy = settled.strategy
        self._params = market_params(settled)
        self._params_hash = settings.pair_digest(self.pair, self._mode)
        self._params_version = version
        self._rules = settings.calendar_rules(self.pair, self._mode)
        self.set_news(self._news)

    def set_news(self, news: EconomicCalendar | None) -> None:
        """Go by another news calendar from the next candle on; the machine keeps its state."""
        pair = self._rules.instrument
        self._news = news
        self._calendar = PairCalendar(self._rules, news)
        self._events = _NearestEvents(news, (pair.base, pair.quote))

    def assess(self, closed: CandleClosed, known: KnownNews | None = None) -> CandleAssessed:
        """Judge the next candle of the pair; each candle is given once, in order.

        A candle that is judged again is told what was `known` of the news the first time. Raises InputError where its
        prices are in other points than the settings say.
        """
        require_grid(self._instrument, closed.digits)
        facts = self._calendar.fact_at(closed.decision_time, closed.candle.time)
        news = self._events.nearest(closed.decision_time)
        if known is not None:
            facts, news = facts._replace(news=_NEWS_OF_VERDICT[known.verdict]), known.event
        self._state, assessment = market_step(self._state, self._cells, closed.candle, facts, self._params)
        return CandleAssessed(
            closed=closed,
            strategy=self._strategy,
            params_hash=self._params_hash,
            trading_day=facts.trading_day,
            assessment=assessment,
            news=news,
            params_version=self._params_version,
        )

    def snapshot(self) -> str:
        """Return the machine's exact state as JSON text."""
        return encode_state((self._state, self._cells))

    def restore(self, text: str | None) -> None:
        """Continue from a snapshot, or without one from the start; raises InvariantError on another shape."""
        fresh = self._fresh()
        self._state, self._cells = fresh if text is None else decode_state(text, fresh)

    def _fresh(self) -> tuple[MarketMemory, MarketCells]:
        return market_start(self._params), market_cells(self._params, list_of_integers, list_of_floats)


class _NearestEvents:
    """High-impact events of a pair in order of time, for explanations."""

    def __init__(self, news: EconomicCalendar | None, currencies: tuple[str, str]) -> None:
        self._events: tuple[EconomicEvent, ...] = () if news is None else news.high_impact(currencies)
        self._times = [event.time for event in self._events]

    def nearest(self, time: int) -> NewsEvent | None:
        """Return the nearest event, the earlier of two as near, or None without any."""
        place = bisect_left(self._times, time)
        neighbours = self._events[max(0, place - 1) : place + 1]
        if not neighbours:
            return None
        event = min(neighbours, key=lambda each: abs(each.time - time))
        return NewsEvent(event.title, event.currency, (event.time - time) / 60)
