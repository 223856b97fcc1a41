"""UTC offsets of IANA time zones, for one moment or for a column of a million.

Asking the zone database for every candle would be slow, so it is asked once a day for blocks of days, and the second
of each change is found by bisection. No zone changes its offset twice within a day.
"""

from bisect import bisect_right
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from shared.calendar.marks import Times, marks_reached
from shared.contracts.errors import InputError
from shared.core.columns import Integers
from shared.core.types import SECONDS_PER_DAY

Bools: TypeAlias = NDArray[np.bool_]

_BLOCK_SECONDS: Final = 400 * SECONDS_PER_DAY


class _OffsetChanges(NamedTuple):
    starts: tuple[int, ...]
    offsets: tuple[int, ...]


@lru_cache(maxsize=64)
def known_zone(zone: str) -> ZoneInfo:
    """Return the zone of an IANA name such as Europe/London; raise InputError where there is none."""
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(f"'{zone}' is not a time zone: use an IANA name such as UTC or Europe/London") from error


def _offset_at(time: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(time, zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())


def _change_between(before: int, after: int, zone: ZoneInfo) -> int:
    old_offset = _offset_at(before, zone)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset_at(middle, zone) == old_offset:
            before = middle
        else:
            after = middle
    return after


@lru_cache(maxsize=1024)
def _offset_changes(zone: str, block: int) -> _OffsetChanges:
    """Return when, within one block of days, which offset comes into force; the block's begin is the first."""
    rules = known_zone(zone)
    begin = block * _BLOCK_SECONDS
    starts, offsets = [begin], [_offset_at(begin, rules)]
    for day_end in range(begin + SECONDS_PER_DAY, begin + _BLOCK_SECONDS + 1, SECONDS_PER_DAY):
        offset = _offset_at(day_end, rules)
        if offset != offsets[-1]:
            starts.append(_change_between(day_end - SECONDS_PER_DAY, day_end, rules))
            offsets.append(offset)
    return _OffsetChanges(tuple(starts), tuple(offsets))


def _scalar_offset(time: int, zone: str) -> int:
    changes = _offset_changes(zone, time // _BLOCK_SECONDS)
    return changes.offsets[marks_reached(changes.starts, time) - 1]


def _column_offsets(times: Integers, zone: str) -> Integers:
    if times.size == 0:
        known_zone(zone)
        return np.zeros(times.shape, np.int64)
    starts: list[int] = []
    offsets: list[int] = []
    earliest, latest = int(times.min()), int(times.max())
    for block in range(earliest // _BLOCK_SECONDS, latest // _BLOCK_SECONDS + 1):
        for start, offset in zip(*_offset_changes(zone, block), strict=True):
            if not offsets or offset != offsets[-1]:
                starts.append(start)
                offsets.append(offset)
    # Most columns lie within one offset; then no time needs to be looked at by itself.
    reached = slice(bisect_right(starts, earliest) - 1, bisect_right(starts, latest))
    starts, offsets = starts[reached], offsets[reached]
    if len(offsets) == 1:
        return np.full(times.shape, offsets[0], np.int64)
    return np.array(offsets, np.int64)[marks_reached(starts, times) - 1]


def zone_offsets(times: Times, zone: str) -> Times:
    """Return the seconds to add to UTC to get a zone's wall clock, for one time or a column.

    Raises InputError for an unknown zone and ValueError for a time outside the years 1 to 9999.
    """
    if isinstance(times, int):
        return _scalar_offset(times, zone)
    return _column_offsets(times, zone)


def local_seconds(times: Times, zone: str) -> Times:
    """Return the seconds that a zone's wall clock shows since its 1970-01-01 00:00, for one time or a column."""
    return times + zone_offsets(times, zone)


def recurring(times: Integers, zone: str, begin: int, length: int, period: int) -> Bools:
    """Return for each time whether it lies in a span that recurs on a zone's wall clock; all figures in seconds.

    Spans begin every `period` from `begin` after the wall clock's 1970-01-01 00:00, and are at most as long.
    """
    local = local_seconds(times, zone)
    count = 0 if times.size == 0 else (int(local[-1]) - int(local[0])) // period + 2
    if not 0 < count < times.size or not bool((local[1:] >= local[:-1]).all()):
        return (local - begin) % period < length
    # Few bounds are found among many times in order much faster than a remainder is taken of every time.
    first = (int(local[0]) - begin) // period * period + begin
    begins = first + period * np.arange(count)
    inside = np.zeros(times.shape, np.bool_)
    bounds = (np.searchsorted(local, edges).tolist() for edges in (begins, begins + length))
    for entered, left in zip(*bounds, strict=True):
        inside[entered:left] = True
    return inside
