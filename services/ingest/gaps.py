"""Gaps between candles: closed weekends, spans without ticks, and outages."""

from typing import Final, NamedTuple

import numpy as np

from shared.calendar.market_hours import market_open, open_seconds_between
from shared.contracts.vocabulary import GapKind
from shared.core.columns import Integers
from shared.core.types import SECONDS_PER_DAY

# A file cannot tell what came late.
KINDS_IN_FILES: Final = (GapKind.WEEKEND, GapKind.NO_TICKS, GapKind.OUTAGE)
_MOST_WITHOUT_TICKS: Final = 6
# The weekend on which New York puts its clocks forward is an hour shorter than the others.
_SHORTEST_WEEKEND_SECONDS: Final = 2 * SECONDS_PER_DAY - 3_600


class Gap(NamedTuple):
    """A span from the first absent open time to the next candle's, in seconds.

    `missing_candles` counts those that the open market should have had; a weekend has none.
    """

    from_time: int
    to_time: int
    missing_candles: int
    kind: GapKind


def find_gaps(times: Integers, step: int) -> list[Gap]:
    """Return the gaps between candles that open at these times, `step` seconds apart, oldest first."""
    before = np.flatnonzero(np.diff(times) > step)
    starts, ends = times[before] + step, times[before + 1]
    # A span that is open at both ends holds a weekend only if it is longer than one.
    open_throughout = market_open(starts) & market_open(ends - 1) & (ends - starts < _SHORTEST_WEEKEND_SECONDS)
    return [
        _gap(start, end, end - start if whole else open_seconds_between(start, end), step)
        for start, end, whole in zip(starts.tolist(), ends.tolist(), open_throughout.tolist(), strict=True)
    ]


def _gap(start: int, end: int, open_seconds: int, step: int) -> Gap:
    missing = -(-open_seconds // step)
    kind = GapKind.OUTAGE if missing > _MOST_WITHOUT_TICKS else GapKind.NO_TICKS if missing else GapKind.WEEKEND
    return Gap(from_time=start, to_time=end, missing_candles=missing, kind=kind)
