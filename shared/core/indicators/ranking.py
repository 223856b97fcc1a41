"""Order statistics of the last n values: a sorted linked list over a ring of cells.

A new value is looked for from its predecessor's place, and the median moves by one link at most. Averages change
little from bar to bar, so a step costs a few links where sorting the window would cost hundreds of comparisons.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from shared.core.jit import jitable, natural
from shared.core.types import FloatCells, IntegerCells

_SIZE: Final = 0
_NEWEST: Final = 1
_MIDDLE: Final = 2


class Ranking(NamedTuple):
    """Cells of a window: values by slot, links to the neighbours in order, and marks (size, newest and
    middle slot).

    `before` and `after` have one cell more than `values`: the last is the list's end on both sides.
    """

    values: FloatCells
    before: IntegerCells
    after: IntegerCells
    marks: IntegerCells


def empty_ranking(
    capacity: int, integers: Callable[[int], IntegerCells], floats: Callable[[int], FloatCells]
) -> Ranking:
    """Return a window for `capacity` values; the makers of cells decide between lists and arrays."""
    return Ranking(floats(capacity), integers(capacity + 1), integers(capacity + 1), integers(3))


@jitable
def ranking_size(ranking: Ranking) -> int:
    """Return how many values the window holds."""
    return ranking.marks[_SIZE]


@jitable
def _link(ranking: Ranking, slot: int, value: float, hint: int) -> None:
    """Put a value into a slot and between its neighbours in order, which are looked for from another slot's place."""
    values, before, after = ranking.values, ranking.before, ranking.after
    end = natural(len(values))
    upward = values[hint] <= value
    ahead = after if upward else before
    near, far = hint, natural(ahead[hint])
    while far != end and (values[far] <= value) == upward:
        near, far = far, natural(ahead[far])
    left, right = (near, far) if upward else (far, near)
    values[slot] = value
    before[slot] = left
    after[slot] = right
    after[left] = slot
    before[right] = slot


@jitable
def ranking_push(ranking: Ranking, value: float) -> None:
    """Put a value into the window, in place of the oldest one once the window is full.

    Of equal values the older stands first, so the oldest value never stands behind an equal middle.
    """
    values, before, after, marks = ranking.values, ranking.before, ranking.after, ranking.marks
    capacity = len(values)
    size = marks[_SIZE]
    if size == 0:
        values[0] = value
        before[0] = after[0] = capacity
        before[capacity] = after[capacity] = 0
        marks[_SIZE] = 1
        return
    newest = marks[_NEWEST]
    slot = natural(newest + 1 if newest + 1 < capacity else 0)
    middle = natural(marks[_MIDDLE])
    # `climb` is how many links the middle has to move up once the new value is in.
    if size == capacity:
        lower, upper = natural(before[slot]), natural(after[slot])
        climb = int(values[slot] <= values[middle])
        if slot == middle:
            middle, climb = upper, 0
        before[upper] = lower
        after[lower] = upper
    else:
        marks[_SIZE] = size + 1
        climb = 1 - size % 2
    marks[_NEWEST] = slot
    _link(ranking, slot, value, natural(newest))
    climb -= int(value < values[middle])
    # Both neighbours are read beforehand, so that nothing has to be guessed here.
    lower, upper = natural(before[middle]), natural(after[middle])
    marks[_MIDDLE] = upper if climb > 0 else lower if climb < 0 else middle


@jitable
def ranking_median(ranking: Ranking) -> float:
    """Return the median of a window that is not empty: the mean of the middle two when their number is even."""
    middle = natural(ranking.marks[_MIDDLE])
    value = ranking.values[middle]
    if ranking_size(ranking) % 2 == 0:
        return (value + ranking.values[natural(ranking.after[middle])]) / 2.0
    return value


@jitable
def ranking_percentile(ranking: Ranking, percent: float) -> float:
    """Return the percentile of a window that is not empty, with linear interpolation between neighbours."""
    size = ranking_size(ranking)
    rank = percent / 100.0 * (size - 1)
    whole = int(rank)
    slot = natural(ranking.after[len(ranking.values)])
    for _ in range(whole):
        slot = natural(ranking.after[slot])
    low = ranking.values[slot]
    if whole >= size - 1:
        return low
    return low + (ranking.values[natural(ranking.after[slot])] - low) * (rank - whole)
