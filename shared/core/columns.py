"""Numbers in columns: arrays of the words of the core, as compiled code and readers of files want them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from shared.core.types import Candle, FloatCells, Instrument, IntegerCells

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Bytes: TypeAlias = NDArray[np.uint8]


def array_of_integers(length: int) -> IntegerCells:
    """Make integer cells for compiled code."""
    return cast("IntegerCells", np.zeros(length, dtype=np.int64))


def integers_in_array(values: Sequence[int]) -> IntegerCells:
    """Put integers into cells for compiled code."""
    return cast("IntegerCells", np.array(values, dtype=np.int64))


def array_of_floats(length: int) -> FloatCells:
    """Make float cells for compiled code."""
    return cast("FloatCells", np.zeros(length))


class CandleColumns(NamedTuple):
    """Candles in columns of equal length; units as in `Candle`."""

    time: Integers
    bid_open: Integers
    bid_high: Integers
    bid_low: Integers
    bid_close: Integers
    ask_open: Integers
    ask_high: Integers
    ask_low: Integers
    ask_close: Integers
    volume: Floats


class CandleSeries(NamedTuple):
    """Candles of one pair in columns of equal length, oldest first; units as in `Candle`."""

    instrument: Instrument
    granularity_seconds: int
    time: Integers
    bid_open: Integers
    bid_high: Integers
    bid_low: Integers
    bid_close: Integers
    ask_open: Integers
    ask_high: Integers
    ask_low: Integers
    ask_close: Integers
    volume: Floats

    @property
    def columns(self) -> tuple[Integers | Floats, ...]:
        """Return the columns of candles, in the order of the fields of `Candle`."""
        return self[2:]

    def candles(self) -> Iterator[Candle]:
        """Yield candle after candle."""
        for row in zip(*(np.asarray(column).tolist() for column in self.columns), strict=True):
            yield Candle(*row)

    def part(self, rows: slice | NDArray[np.bool_]) -> "CandleSeries":
        """Return the candles of a slice, or those that a mask marks."""
        columns = (column[rows] for column in self.columns)
        return CandleSeries._make((self.instrument, self.granularity_seconds, *columns))


class FactColumns(NamedTuple):
    """What the calendar says of many candles, in columns; see `CalendarFacts`."""

    market_open: Bytes
    session_open: Bytes
    news: Bytes
    trading_day: Integers
