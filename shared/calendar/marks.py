"""Counting marks on the time axis: how many of them have been reached, for one time or for a column."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from shared.core.columns import Integers

Times = TypeVar("Times", int, Integers)


def marks_reached(marks: Sequence[int], times: Times) -> Times:
    """Return how many marks lie at or before each time; the marks must be in order, the times need not be."""
    if isinstance(times, int):
        return bisect_right(marks, times)
    return _column_reached(np.array(marks, np.int64), times)


def _column_reached(marks: Integers, times: Integers) -> Integers:
    if not bool((times[1:] >= times[:-1]).all()):
        return np.searchsorted(marks, times, side="right")
    # Candles come in order, and few marks are found among many times much faster than the other way round.
    firsts = np.searchsorted(times, marks, side="left")
    return np.repeat(np.arange(marks.size + 1), np.diff(firsts, prepend=0, append=times.size))
