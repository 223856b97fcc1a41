"""The candles of all pairs of a run in one set of columns, and the order in which the account sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from shared.contracts.errors import InputError
from shared.core.columns import Bytes, CandleColumns, CandleSeries, Integers
from shared.core.types import Instrument

# A row's pair is kept in one byte.
_MOST_PAIRS: Final = 256


class Part(NamedTuple):
    """A stretch of a timeline: where it ends in the sequence, and its rows of each pair."""

    last: int
    rows_of_pairs: tuple[slice, ...]


@dataclass(frozen=True)
class Timeline:
    """Candles of one or more pairs, pair after pair by name; `sequence` lists the rows as the account sees them.

    `starts` holds the first row of each pair and, last, the number of rows. Times are in seconds.
    """

    instruments: tuple[Instrument, ...]
    granularity_seconds: Integers
    starts: tuple[int, ...]
    candles: CandleColumns
    decision_time: Integers
    pair_of_row: Bytes
    sequence: Integers

    @property
    def pairs(self) -> tuple[str, ...]:
        """Return the names of the pairs, in order."""
        return tuple(each.name for each in self.instruments)

    @property
    def length(self) -> int:
        """Return the number of candles of all pairs."""
        return len(self.sequence)

    def rows_of(self, place: int) -> slice:
        """Return the rows of the pair at a place."""
        return slice(self.starts[place], self.starts[place + 1])

    def whole(self) -> Part:
        """Return all candles as one part."""
        return Part(self.length, tuple(self.rows_of(place) for place in range(len(self.instruments))))

    def parts(self, candles: int) -> list[Part]:
        """Return all candles in parts of about as many, one after the other; no moment is torn apart."""
        begins = self.decision_time[self.sequence[candles::candles]]
        edges = [self._edges(self.rows_of(place), begins) for place in range(len(self.instruments))]
        lasts = np.cumsum(np.sum([np.diff(each) for each in edges], axis=0)).tolist()
        slices = zip(*([slice(*pair) for pair in pairwise(each)] for each in edges), strict=True)
        return [Part(last, rows) for last, rows in zip(lasts, slices, strict=True)]

    def _edges(self, rows: slice, begins: Integers) -> list[int]:
        """Return the first row of each part and, last, the row after the last part."""
        inner = rows.start + np.searchsorted(self.decision_time[rows], begins)
        return [rows.start, *inner.tolist(), rows.stop]

    def in_sequence(self, column: Integers, first: int = 0, last: int | None = None) -> Integers:
        """Return a column of rows in the order of the sequence, from one place to before another."""
        if len(self.instruments) == 1:
            return column[first:last]
        ordered: Integers = column[self.sequence[first:last]]
        return ordered


def build_timeline(series: Sequence[CandleSeries]) -> Timeline:
    """Put the candles of several pairs in order of (decision time, pair name).

    Raises InputError where there are no candles or one pair comes twice.
    """
    ordered = sorted(series, key=lambda each: each.instrument.name)
    names = [each.instrument.name for each in ordered]
    if not ordered or not all(len(each.time) for each in ordered):
        raise InputError("there are no candles to run on; give at least one file with candles")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{twice} is given twice; give one file for each pair")
    if len(names) > _MOST_PAIRS:
        raise InputError(f"{len(names)} pairs are more than a run can hold; give at most {_MOST_PAIRS}")
    lengths = [len(each.time) for each in ordered]
    decision_time = _joined([each.time + each.granularity_seconds for each in ordered])
    return Timeline(
        instruments=tuple(each.instrument for each in ordered),
        granularity_seconds=np.array([each.granularity_seconds for each in ordered], np.int64),
        starts=(0, *np.cumsum(lengths).tolist()),
        candles=CandleColumns._make(
            _joined(list(columns)) for columns in zip(*(each.columns for each in ordered), strict=True)
        ),
        decision_time=decision_time,
        pair_of_row=np.repeat(np.arange(len(ordered), dtype=np.uint8), lengths),
        sequence=_sequence(decision_time, len(ordered)),
    )


def _joined(columns: list[Integers]) -> Integers:
    # The columns of a single pair are used as they are: a million candles are not copied for nothing.
    return columns[0] if len(columns) == 1 else np.concatenate(columns)


def _sequence(decision_time: Integers, pairs: int) -> Integers:
    if pairs == 1:
        return np.arange(len(decision_time))
    # Rows stand in order of pair names, so a stable sort by time leaves equal times in that order.
    return np.argsort(decision_time, kind="stable")
