"""What a live run adds to a candle: no entry on old data, and the quote that prices an entry."""

import pytest

from services.executor.quotes import current_quote, live_conditions
from services.executor.settlement import Given
from shared.contracts.facts import Quote
from shared.core.account import Conditions
from shared.core.types import BUY, PASSED, STALE_DATA, Reason
from shared.runtime.quotes.board import QuoteBoard
from shared.settings.sections import LiveSettings
from tests.fixtures.market import M5, TUESDAY, assessment
from tests.unit.executor.judged import PAIR, judged

DECIDED = TUESDAY + M5
FACT = judged(found=assessment(BUY))


def given(now: float, *quotes: Quote, settings: LiveSettings | None = None) -> Given:
    board = QuoteBoard(lambda: 0.0)
    board.put(quotes)
    return live_conditions(board, settings or LiveSettings(), lambda: now, FACT)


@pytest.mark.parametrize(
    ("late", "hold"), [(-61, STALE_DATA), (-60, PASSED), (0, PASSED), (3 * M5, PASSED), (3 * M5 + 1, STALE_DATA)]
)
def test_entry_is_held_from_a_second_after_three_candles_and_where_the_clock_is_a_minute_behind(
    late: int, hold: Reason
) -> None:
    assert given(DECIDED + late) == Given(Conditions(hold, 0, 0), None)


def test_quote_since_the_close_prices_an_entry_and_one_from_before_does_not() -> None:
    at_close, before = Quote(PAIR, DECIDED, 5, 110_001, 110_011), Quote(PAIR, DECIDED - 1, 5, 110_001, 110_011)
    assert given(DECIDED, at_close) == Given(Conditions(PASSED, 110_001, 110_011), at_close)
    assert given(DECIDED, before) == Given(Conditions(PASSED, 0, 0), None)


@pytest.mark.parametrize(("quote_seconds", "oldest"), [(5.0, 6), (20.0, 20)])
def test_quote_holds_for_as_long_as_set_but_at_least_from_one_heartbeat_to_the_next(
    quote_seconds: float, oldest: int
) -> None:
    now = 100.0
    board = QuoteBoard(lambda: now)
    settings = LiveSettings(quote_seconds=quote_seconds)
    assert current_quote(board, settings, PAIR) is None
    quote = Quote(PAIR, DECIDED, 5, 110_001, 110_011)
    board.put([quote])
    now = 100.0 + oldest
    assert current_quote(board, settings, PAIR) == quote
    now += 0.5
    assert current_quote(board, settings, PAIR) is None
