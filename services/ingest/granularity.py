"""The grid on which open times lie, and the granularity that a column of open times shows."""

from typing import Final

import numpy as np

from shared.core.columns import Integers

_HOUR_SECONDS: Final = 3600


def grid_seconds(granularity_seconds: int) -> int:
    """Return the step in seconds, counted from the epoch, on which open times must lie.

    Above one hour candles are aligned to 17:00 New York, whose hour in UTC varies, so only whole hours are demanded.
    """
    return min(granularity_seconds, _HOUR_SECONDS)


def most_frequent_step(times: Integers) -> int | None:
    """Return the most frequent positive difference in seconds of consecutive times, or None without any."""
    steps = np.diff(times)
    if (steps < 0).any():
        # Rows out of order are a fault of their own; they must not hide the granularity.
        steps = np.diff(np.sort(times))
    steps = steps[steps > 0]
    if not len(steps):
        return None
    values, counts = np.unique(steps, return_counts=True)
    return int(values[np.argmax(counts)])
