"""The grid on which open times lie, and the granularity that a column of open times shows."""

from typing import Final

import numpy as np

from shared.core.columns import Integers

# Stands in a column of open times for a row whose time cannot be read.
UNREADABLE_TIME: Final = np.iinfo(np.int64).min
_HOUR_SECONDS: Final = 3600


def grid_seconds(granularity_seconds: int) -> int:
    """Return the step in seconds, counted from the epoch, on which open times must lie.

    Above one hour candles are aligned to 17:00 New York, whose hour in UTC varies, so only whole hours are demanded.
    """
    return min(granularity_seconds, _HOUR_SECONDS)


def most_frequent_step(times: Integers) -> int | None:
    """Return the most frequent positive difference in seconds of neighbouring times, or None without any.

    Rows whose time is `UNREADABLE_TIME` are nobody's neighbours: what lies before and after one is no step.
    """
    values, counts = _steps(times)
    return int(values[np.argmax(counts)]) if len(values) else None


def _steps(times: Integers) -> tuple[Integers, Integers]:
    """Return the positive differences of neighbouring times, and how often each occurs."""
    readable = times != UNREADABLE_TIME
    if readable.all():
        steps = np.diff(times)
        if (steps < 0).any():
            # Rows out of order are a fault of their own; they must not hide the granularity.
            steps = np.diff(np.sort(times))
    else:
        steps = np.abs(np.diff(np.where(readable, times, 0))[readable[1:] & readable[:-1]])
    return np.unique(steps[steps > 0], return_counts=True)


def contradicting_step(times: Integers, granularity_seconds: int) -> int | None:
    """Return the step in seconds that contradicts a granularity, or None where the rows may have it.

    Candles that had no ticks are missing, so some rows lie further apart than the granularity; but in a market that is
    thin no other step is as frequent. A step that occurs once shows nothing.
    """
    values, counts = _steps(times)
    if not len(values):
        return None
    most = int(np.argmax(counts))
    as_told = int(counts[values == granularity_seconds].sum())
    return int(values[most]) if counts[most] > max(1, 2 * as_told) else None
