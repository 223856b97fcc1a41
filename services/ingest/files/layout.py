"""The two layouts of candle files, the columns into which their rows are read, and which prices are sound."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from shared.contracts.decimals import format_points
from shared.core.columns import Floats, Integers
from shared.core.types import PRICE_NAMES


@dataclass(frozen=True, slots=True)
class CandleLayout:
    """A header of candle files: the kind's name and the price fields between `time` and `volume`."""

    kind: str
    price_names: tuple[str, ...]

    @property
    def header(self) -> str:
        """Return the header line."""
        return ",".join(("time", *self.price_names, "volume"))

    @property
    def sides(self) -> tuple[str, ...]:
        """Return what precedes open, high, low and close in the names of each side's fields."""
        return tuple(name.removesuffix("open") for name in self.price_names[::4])

    @property
    def field_count(self) -> int:
        """Return the number of fields of a row."""
        return len(self.price_names) + 2


MID_LAYOUT: Final = CandleLayout("mid", ("open", "high", "low", "close"))
BID_ASK_LAYOUT: Final = CandleLayout("bid/ask", PRICE_NAMES)
LAYOUTS: Final = (MID_LAYOUT, BID_ASK_LAYOUT)
_ENDS: Final = ("open", "close")
_BELOW: Final = "below"
_ABOVE: Final = "above"


class ParsedRows(NamedTuple):
    """Rows in columns: line numbers, times in seconds, prices in points (a line per field), volume in ticks."""

    line: Integers
    time: Integers
    prices: Integers
    volume: Floats


class RejectedRow(NamedTuple):
    """A row that cannot be used: its line in the file (the header is line 1), why, and its text."""

    line: int
    reason: str
    text: str


def join_rows(parts: list[ParsedRows], layout: CandleLayout) -> ParsedRows:
    """Return the parts as one, in their order; `parts` may be empty."""
    if not parts:
        nothing = np.empty(0, np.int64)
        prices = np.empty((len(layout.price_names), 0), np.int64)
        return ParsedRows(line=nothing, time=nothing, prices=prices, volume=np.empty(0))
    return ParsedRows(
        line=np.concatenate([part.line for part in parts]),
        time=np.concatenate([part.time for part in parts]),
        prices=np.concatenate([part.prices for part in parts], axis=1),
        volume=np.concatenate([part.volume for part in parts]),
    )


def rows_are_sound(prices: Integers, layout: CandleLayout) -> bool:
    """Tell whether every row's prices are above zero, its highs and lows enclose, and its ask is not below its bid."""
    if not bool((prices > 0).all()):
        return False
    for side in range(0, len(layout.price_names), 4):
        opened, high, low, close = prices[side : side + 4]
        if bool(((high < opened) | (high < close) | (low > opened) | (low > close)).any()):
            return False
    return len(layout.price_names) == 4 or not bool(((prices[4] < prices[0]) | (prices[7] < prices[3])).any())


def price_disorder(prices: Sequence[int], layout: CandleLayout, digits: int) -> str | None:
    """Return which two prices contradict each other; None where highs and lows enclose, and no ask is below its bid.

    `prices` are one candle's, in points and in the order of the layout; `digits` are the decimals to write them with.
    """
    named = dict(zip(layout.price_names, prices, strict=True))
    broken_if = [
        (f"{side}{limit}", relation, f"{side}{end}")
        for side in layout.sides
        for limit, relation in (("high", _BELOW), ("low", _ABOVE))
        for end in _ENDS
    ]
    if len(layout.sides) == 2:
        broken_if += [(f"ask_{end}", _BELOW, f"bid_{end}") for end in _ENDS]
    for first, relation, second in broken_if:
        excess = named[first] - named[second]
        if excess < 0 if relation is _BELOW else excess > 0:
            texts = [f"{name} {format_points(named[name], digits)}" for name in (first, second)]
            return f"{texts[0]} is {relation} {texts[1]}"
    return None
