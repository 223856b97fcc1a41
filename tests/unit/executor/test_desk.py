"""The account's desk between two candles."""

import pytest

from services.executor.desk import AccountDesk
from services.strategy.desk import PairDesk
from shared.contracts.errors import InvariantError
from shared.contracts.facts import CandleClosed, Quote
from shared.contracts.runs import RunMode
from shared.core.types import OPERATOR_CLOSE
from shared.runtime.streams import EXECUTOR_STREAM
from shared.settings.settings import Settings
from tests.fixtures.market import M5, candle

PAIR = "EUR_USD"


@pytest.fixture(name="desk")
def desk_() -> AccountDesk:
    """Return a desk that knows a pair and holds nothing in it."""
    settings = Settings()
    desk = AccountDesk(settings, EXECUTOR_STREAM)
    closed = CandleClosed("candles.0", 1, 0, PAIR, M5, 5, candle(1_700_000_100, 110_000))
    desk.settle(PairDesk(PAIR, settings, RunMode.OFFLINE, None).assess(closed))
    return desk


def test_nothing_is_closed_where_no_quote_reached_anything(desk: AccountDesk) -> None:
    quote = Quote(PAIR, 1_700_000_500, 5, 110_000, 110_010)
    assert not desk.reached(quote)
    with pytest.raises(InvariantError, match="no position in EUR_USD was closed"):
        desk.leave(quote, 1)


def test_nothing_is_closed_for_a_command_where_no_position_is_open(desk: AccountDesk) -> None:
    with pytest.raises(InvariantError, match="no position in EUR_USD was closed"):
        desk.close(Quote(PAIR, 1_700_000_500, 5, 110_000, 110_010), 1, OPERATOR_CLOSE, 7)
