"""Live prices at the executor: they price entries and reach stops and targets between two candles."""

from collections.abc import Callable
from typing import Final

from services.executor.settlement import Given
from shared.contracts.facts import CandleAssessed, Quote
from shared.core.account import Conditions
from shared.core.types import PASSED, STALE_DATA
from shared.runtime.quotes.board import QuoteBoard
from shared.settings.sections import LiveSettings

# A clock that is set a little differently is no reason to distrust a candle.
_AHEAD_SECONDS: Final = 60


class LiveConditions:
    """What a live run adds to a candle: no entry on old data, and entries at the current quote where there is one."""

    def __init__(self, board: QuoteBoard, settings: LiveSettings, clock: Callable[[], float]) -> None:
        """Ask the board for quotes and the clock for the age of a decision."""
        self._board = board
        self._settings = settings
        self._clock = clock

    def __call__(self, fact: CandleAssessed) -> Given:
        """Return the hold and the quote under which a candle is settled now."""
        decided, now = fact.closed.decision_time, self._clock()
        oldest = self._settings.stale_candles * fact.closed.granularity_seconds
        hold = PASSED if -_AHEAD_SECONDS <= now - decided <= oldest else STALE_DATA
        quote = self._board.newest(fact.closed.pair)
        # A quote from before the close knows less than the candle does.
        if quote is None or quote.time < decided or now - quote.time > self._settings.quote_seconds:
            return Given(Conditions(hold, 0, 0), None)
        return Given(Conditions(hold, quote.bid, quote.ask), quote)


class CurrentPrices:
    """The newest quote of a pair, where it is fresh enough to close at."""

    def __init__(self, board: QuoteBoard, settings: LiveSettings, clock: Callable[[], float]) -> None:
        """Ask the board for quotes and the clock for their age."""
        self._board = board
        self._settings = settings
        self._clock = clock

    def __call__(self, pair: str) -> Quote | None:
        """Return a pair's current quote, None where there is none or it is old."""
        quote = self._board.newest(pair)
        if quote is None or self._clock() - quote.time > self._settings.quote_seconds:
            return None
        return quote
