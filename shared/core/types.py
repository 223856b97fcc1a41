"""The words of the core: instruments, candles, verdicts, positions and trades as plain numbers.

Prices are whole points, money is whole quanta (0.0001 of the account currency), times are seconds since the epoch
in UTC. Closed sets are integer constants, because compiled code and plain Python read those alike.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, NewType, Protocol, TypeAlias, TypeVar

Figure = TypeVar("Figure")


class Cells(Protocol[Figure]):
    """Cells that a machine writes in place: a list in plain Python, an array where compiled."""

    def __getitem__(self, index: int, /) -> Figure: ...
    def __setitem__(self, index: int, value: Figure, /) -> Any: ...
    def __len__(self) -> int: ...


FloatCells: TypeAlias = Cells[float]
IntegerCells: TypeAlias = Cells[int]


def list_of_integers(length: int) -> IntegerCells:
    """Make integer cells for plain Python."""
    return [0] * length


def list_of_floats(length: int) -> FloatCells:
    """Make float cells for plain Python."""
    return [0.0] * length


def integers_in_list(values: Sequence[int]) -> IntegerCells:
    """Put integers into cells for plain Python."""
    return list(values)


# Closed sets. Each is a type of its own, so that none of them is taken for another; at run time they are integers.
Side = NewType("Side", int)
Reason = NewType("Reason", int)
MarketState = NewType("MarketState", int)
ExitReason = NewType("ExitReason", int)

BUY: Final = Side(1)
SELL: Final = Side(-1)
NO_SIDE: Final = Side(0)
SIDE_NAMES: Final = {BUY: "BUY", SELL: "SELL", NO_SIDE: "NONE"}

# Reasons of a verdict. 0 means that the gate passed.
PASSED: Final = Reason(0)
MARKET_CLOSED: Final = Reason(1)
SESSION_CLOSED: Final = Reason(2)
SPREAD_TOO_WIDE: Final = Reason(3)
NEWS_WINDOW: Final = Reason(4)
NEWS_CALENDAR_MISSING: Final = Reason(5)
POSITION_OPEN: Final = Reason(6)
MAX_OPEN_POSITIONS: Final = Reason(7)
DAILY_LOSS_HALT: Final = Reason(8)
WARMING_UP: Final = Reason(9)
STATE_VOLATILE: Final = Reason(10)
STATE_RANGING: Final = Reason(11)
STATE_WEAK_TREND: Final = Reason(12)
STATE_TRENDING: Final = Reason(13)
NO_SIGNAL: Final = Reason(14)
HOLD: Final = Reason(15)
STOP_INSIDE_SPREAD: Final = Reason(16)
NO_CONVERSION_RATE: Final = Reason(17)
SIZE_BELOW_MINIMUM: Final = Reason(18)
STALE_DATA: Final = Reason(19)
# Why an order that passed all gates was not filled.
REFUSALS: Final = frozenset({STOP_INSIDE_SPREAD, NO_CONVERSION_RATE, SIZE_BELOW_MINIMUM})
REASON_NAMES: Final = (
    "passed",
    "market_closed",
    "session_closed",
    "spread_too_wide",
    "news_window",
    "news_calendar_missing",
    "position_open",
    "max_open_positions",
    "daily_loss_halt",
    "warming_up",
    "state_volatile",
    "state_ranging",
    "state_weak_trend",
    "state_trending",
    "no_signal",
    "hold",
    "stop_inside_spread",
    "no_conversion_rate",
    "size_below_minimum",
    "stale_data",
)

# Gates, numbered as the trading rules number them; bit (number - 1) of a mask of failures.
GATE_SESSION: Final = 1
GATE_SPREAD: Final = 2
GATE_NEWS: Final = 3
GATE_OPEN_POSITION: Final = 4
GATE_DAILY_LOSS: Final = 5
GATE_MARKET_STATE: Final = 6
GATE_SIGNAL: Final = 7
# The bit of a mask of failures that says that entries were held, by an operator or for old data: before gate 1.
HOLD_BIT: Final = 1 << 7
GATE_NAMES: Final = ("session", "spread", "news", "open_position", "daily_loss", "market_state", "signal")

# What the calendar says of news at a decision time.
NEWS_CLEAR: Final = 0
NEWS_NEAR: Final = 1
NEWS_MISSING: Final = 2

# The market's state as gate 6 classifies it.
UNKNOWN: Final = MarketState(0)
VOLATILE: Final = MarketState(1)
RANGING: Final = MarketState(2)
WEAK_TREND: Final = MarketState(3)
TRENDING: Final = MarketState(4)
MARKET_STATE_NAMES: Final = ("warming_up", "volatile", "ranging", "weak_trend", "trending")

# Why a position was closed. 0 means that it is still open.
STILL_OPEN: Final = ExitReason(0)
STOP_LOSS: Final = ExitReason(1)
TAKE_PROFIT: Final = ExitReason(2)
TIME_EXIT: Final = ExitReason(3)
DAILY_HALT: Final = ExitReason(4)
OPERATOR_CLOSE: Final = ExitReason(5)
KILL_SWITCH: Final = ExitReason(6)
EXIT_NAMES: Final = ("open", "stop_loss", "take_profit", "time_exit", "daily_halt", "operator_close", "kill_switch")

# How entries and exits are filled.
SL_TP: Final = 0
TIMED: Final = 1
EXIT_MODE_NAMES: Final = ("sl_tp", "time_exit")

QUANTA_PER_UNIT: Final = 10_000
POINTS_PER_PIP: Final = 10
SECONDS_PER_DAY: Final = 86_400


# Market data.


class Instrument(NamedTuple):
    """A pair, its price grid (`digits` decimals, `points_per_price` points to a price of 1) and its smallest order."""

    name: str
    base: str
    quote: str
    digits: int
    points_per_price: int
    minimum_units: int = 1


class Candle(NamedTuple):
    """One complete candle: open time in seconds, bid and ask in points, volume in ticks."""

    time: int
    bid_open: int
    bid_high: int
    bid_low: int
    bid_close: int
    ask_open: int
    ask_high: int
    ask_low: int
    ask_close: int
    volume: float

    @property
    def prices(self) -> tuple[int, ...]:
        """Return its eight prices, in the order of `PRICE_NAMES`."""
        return self[1:9]


PRICE_NAMES: Final = Candle._fields[1:9]


class CalendarFacts(NamedTuple):
    """What the calendar says of one candle; `news` is one of the NEWS_ constants, `trading_day` a day number."""

    market_open: bool
    session_open: bool
    news: int
    trading_day: int


class Bar(NamedTuple):
    """What indicators read of a candle: its middle prices as floats, tick volume, trading day and change of the close.

    The change is that since the close before, NaN where there is none.
    """

    high: float
    low: float
    close: float
    volume: float
    trading_day: int
    change: float


class Readings(NamedTuple):
    """Up to six figures that a strategy looked at; each strategy names them, unused ones are NaN."""

    first: float
    second: float
    third: float
    fourth: float
    fifth: float
    sixth: float


class Assessment(NamedTuple):
    """What the market alone says of a candle: verdicts of gates 1, 2, 3, 6, the signal and the figures behind them."""

    session: Reason
    spread: Reason
    news: Reason
    market_state_verdict: Reason
    signal: Side
    market_state: MarketState
    spread_points: int
    atr: float
    atr_median: float
    adx: float
    readings: Readings
