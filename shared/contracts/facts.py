"""The facts that services tell each other, as the core's own types; the codec writes them for the wire."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.core.types import Assessment, Candle

CANDLE_CLOSED: Final = "candle.closed"
CANDLE_ASSESSED: Final = "candle.assessed"
TRADE_OPENED: Final = "trade.opened"
TRADE_CLOSED: Final = "trade.closed"
ORDER_REFUSED: Final = "order.refused"
ACCOUNT_HALTED: Final = "account.halted"
DAY_STARTED: Final = "account.day_started"
ACCOUNT_FACTS: Final = (DAY_STARTED, TRADE_OPENED, TRADE_CLOSED, ORDER_REFUSED, ACCOUNT_HALTED)


class CandleClosed(NamedTuple):
    """A complete candle at its place among all candles; it is decided upon at its open time plus granularity.

    Its prices are in points of 10**-digits. `stream` names the partition that judges it, `previous_seq` is the place of
    the candle before it there, 0 for none.
    """

    stream: str
    seq: int
    previous_seq: int
    pair: str
    granularity_seconds: int
    digits: int
    candle: Candle

    @property
    def decision_time(self) -> int:
        """Return when the candle is decided upon, in seconds."""
        return self.candle.time + self.granularity_seconds


class Quote(NamedTuple):
    """A price at which a pair could be traded: time in seconds, bid and ask in points of 10**-digits."""

    pair: str
    time: int
    digits: int
    bid: int
    ask: int


class NewsEvent(NamedTuple):
    """The high-impact event nearest to a decision and the minutes until it, negative once it has passed."""

    title: str
    currency: str
    minutes: float


class CandleAssessed(NamedTuple):
    """A closed candle with what the market alone says of it, and under which parameters.

    `params_version` is the version in force, 0 for what the run was begun with; the account goes by it too.
    """

    closed: CandleClosed
    strategy: str
    params_hash: str
    trading_day: int
    assessment: Assessment
    news: NewsEvent | None
    params_version: int = 0

    @property
    def seq(self) -> int:
        """Return the place among all assessed candles, which is the candle's own."""
        return self.closed.seq

    @property
    def previous_seq(self) -> int:
        """Return the place before it: assessed candles are applied in the order of all candles."""
        return self.closed.seq - 1


class AccountEvent(NamedTuple):
    """Something that happened to the account, at its place in the executor's stream.

    `cause_stream` and `cause_seq` name the candle that caused it, or the quotes after that candle; `pair` is None where
    the whole account is meant; balance and equity are those after it, in quanta; the detail is text.
    """

    stream: str
    seq: int
    cause_stream: str
    cause_seq: int
    time: int
    type: str
    pair: str | None
    balance: int
    equity: int
    detail: Mapping[str, str]
