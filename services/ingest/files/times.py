"""The times of a candle file: the granularity that they show, and which rows lie on its grid and in order."""

from pathlib import Path
from typing import Final

import numpy as np

from services.ingest.granularity import contradicting_step, grid_seconds, most_frequent_step
from shared.contracts.errors import InputError
from shared.contracts.granularity import NAME_BY_SECONDS, SECONDS_BY_NAME, granularity_name, not_traded
from shared.contracts.times import format_time
from shared.core.columns import Integers

_BEFORE_ALL_TIMES: Final = np.iinfo(np.int64).min
_TELL_IT: Final = "give it with --granularity, for instance M5"
_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def file_granularity(path: Path, times_of_all: Integers, given_seconds: int | None) -> int:
    """Return the granularity in seconds that is given, or else the one that the times of all rows show.

    Raises `InputError` where the rows show none, another than the given one, or one that is not traded.
    """
    if given_seconds is not None:
        name = granularity_name(given_seconds)
        step = contradicting_step(times_of_all, given_seconds)
        if step is None:
            return given_seconds
        _refuse_not_traded(path, step)
        shown = NAME_BY_SECONDS.get(step)
        mend = f"give --granularity {shown} or leave it out" if shown else f"give a file of {name} candles"
        raise InputError(f"{path}: the rows lie {_apart(step)} apart, so they are not {name} candles; {mend}")
    step = most_frequent_step(times_of_all)
    if step is None:
        raise InputError(f"{path}: the times of a single candle show no granularity; {_TELL_IT}")
    if step in NAME_BY_SECONDS:
        return step
    _refuse_not_traded(path, step)
    mend = _TELL_IT if contradicting_step(times_of_all, 0) is None else f"use one of {', '.join(SECONDS_BY_NAME)}"
    raise InputError(f"{path}: the rows lie {_apart(step)} apart, and no granularity is that long; {mend}")


def _refuse_not_traded(path: Path, step: int) -> None:
    if kind := not_traded(step):
        raise InputError(f"{path}: {kind} candles are not traded; give candles of a day (D) or shorter")


def _apart(seconds: int) -> str:
    """Write a step as people say it, such as `5 min` or `1 d 12 h`."""
    parts = []
    for length, unit in _UNITS:
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts)


def judge_times(path: Path, line: Integers, time: Integers, granularity: int) -> tuple[Integers, list[str]]:
    """Return the indices of rows whose time is off the grid or not after the last good row's, and why they are bad.

    Raises `InputError` where most rows come too late in the file: to drop these would leave next to nothing.
    """
    on_grid = time % grid_seconds(granularity) == 0
    # A row on the grid is either good or not after a good one, so the latest of these is the last good time.
    latest = np.maximum.accumulate(np.where(on_grid, time, _BEFORE_ALL_TIMES))
    last_good = np.concatenate(([_BEFORE_ALL_TIMES], latest[:-1]))
    bad = np.flatnonzero(~on_grid | (time <= last_good))
    if len(bad):
        _refuse_disorder(path, line, time, last_good)
    return bad, [_time_reason(int(time[at]), int(last_good[at]), granularity) for at in bad]


def _refuse_disorder(path: Path, line: Integers, time: Integers, last_good: Integers) -> None:
    steps = np.diff(time)
    if int(np.count_nonzero(steps < 0)) > max(1, 2 * int(np.count_nonzero(steps > 0))):
        raise InputError(
            f"{path}: the rows stand newest first, from {format_time(int(time[0]))} down to "
            f"{format_time(int(time[-1]))}; sort them by time, oldest first"
        )
    late = np.flatnonzero(time < last_good)
    if 2 * len(late) > len(time):
        values, counts = np.unique(last_good[late], return_counts=True)
        reached = int(values[np.argmax(counts)])
        raise InputError(
            f"{path}:{line[np.flatnonzero(time == reached)[0]]}: {len(late)} of the {len(time)} rows come after this "
            f"line's time {format_time(reached)} and lie before it; sort the rows by time, or mend this line"
        )


def _time_reason(time: int, last_good: int, granularity: int) -> str:
    if time == last_good:
        return f"time {format_time(time)} is a duplicate of the last good row's"
    if time < last_good:
        return f"time {format_time(time)} is unsorted, it comes before the last good row's {format_time(last_good)}"
    return f"time {format_time(time)} is off the grid of {granularity_name(granularity)}"
