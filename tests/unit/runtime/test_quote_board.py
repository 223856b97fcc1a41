"""The newest price of each pair, and its age by the feed's own time, whatever this machine's clock says."""

from typing import Final

from services.executor.quotes import current_quote
from shared.contracts.facts import Quote
from shared.runtime.quotes.board import QuoteBoard
from shared.settings.sections import LiveSettings

EURO: Final = "EUR_USD"
YEN: Final = "USD_JPY"


class Clock:
    """Seconds since this machine was started, which are no time of day."""

    def __init__(self) -> None:
        self.now = 17.0

    def __call__(self) -> float:
        return self.now


def quote(time: int, pair: str = EURO) -> Quote:
    return Quote(pair=pair, time=time, digits=5, bid=110_000, ask=110_010)


def test_age_is_by_the_feeds_time_and_what_has_passed_since_it_was_told() -> None:
    clock = Clock()
    board = QuoteBoard(clock)
    assert board.age_seconds(EURO) is None
    board.put([quote(1_000)])
    assert board.age_seconds(EURO) == 0.0
    clock.now += 3
    assert board.age_seconds(EURO) == 3.0
    board.put([quote(1_010, YEN)])
    assert (board.age_seconds(EURO), board.age_seconds(YEN)) == (10.0, 0.0)
    assert board.age_seconds("GBP_USD") is None


def test_prices_that_come_late_do_not_turn_the_feeds_time_back() -> None:
    clock = Clock()
    board = QuoteBoard(clock)
    board.put([quote(1_000)])
    clock.now += 20
    board.put([quote(1_005)])
    assert board.age_seconds(EURO) == 15.0


def test_a_price_is_current_between_two_heartbeats_and_no_longer() -> None:
    clock = Clock()
    board = QuoteBoard(clock)
    board.put([quote(1_000)])
    clock.now += 5.1
    assert current_quote(board, LiveSettings(), EURO) == quote(1_000)
    board.put([quote(1_005)])
    clock.now += 5.1
    assert current_quote(board, LiveSettings(), EURO) == quote(1_005)
    clock.now += 2
    assert current_quote(board, LiveSettings(), EURO) is None
