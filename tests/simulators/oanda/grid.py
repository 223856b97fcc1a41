"""Where the bars of a granularity begin, and which candles of a series each of them is made of."""

from typing import Final, NamedTuple

import numpy as np

from shared.calendar.marks import Times
from shared.calendar.zones import local_seconds
from shared.core.columns import Integers

_HOUR_SECONDS: Final = 3600


class Alignment(NamedTuple):
    """What the bars of a granularity are aligned to; hour and zone matter above one hour only."""

    granularity_seconds: int
    hour: int = 17
    zone: str = "America/New_York"

    def start_of(self, times: Times) -> Times:
        """Return the begin of the bar that covers a time, for one or for a column, in seconds."""
        if self.granularity_seconds <= _HOUR_SECONDS:
            return times - times % self.granularity_seconds
        into_day = local_seconds(times, self.zone) - self.hour * _HOUR_SECONDS
        return times - into_day % self.granularity_seconds


class Grid(NamedTuple):
    """The bars of a granularity: their begins in seconds, and the places of their first candles and one more."""

    starts: Integers
    firsts: Integers


def grid_of(times: Integers, alignment: Alignment) -> Grid:
    """Return the bars that candles with these open times make up."""
    starts, firsts = np.unique(alignment.start_of(times), return_index=True)
    return Grid(starts, np.append(firsts, len(times)))
