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
# A stream says every five seconds that its prices still hold.
_BETWEEN_HEARTBEATS_SECONDS: Final = 6.0


def live_conditions(
    board: QuoteBoard, settings: LiveSettings, clock: Callable[[], float], fact: CandleAssessed
) -> Given:
    """Return what a live run adds to a candle now: no entry on old data, and a quote for entries where there is one."""
    decided, now = fact.closed.decision_time, clock()
    oldest = settings.stale_candles * fact.closed.granularity_seconds
    hold = PASSED if -_AHEAD_SECONDS <= now - decided <= oldest else STALE_DATA
    quote = current_quote(board, settings, fact.closed.pair)
    # A quote from before the close knows less than the candle does.
    if quote is None or quote.time < decided:
        return Given(Conditions(hold, 0, 0), None)
    return Given(Conditions(hold, quote.bid, quote.ask), quote)


def current_quote(board: QuoteBoard, settings: LiveSettings, pair: str) -> Quote | None:
    """Return a pair's newest quote, None where there is none or the feed has not stood by it for too long."""
    quote, age_seconds = board.newest(pair), board.age_seconds(pair)
    oldest = max(settings.quote_seconds, _BETWEEN_HEARTBEATS_SECONDS)
    return None if age_seconds is None or age_seconds > oldest else quote
