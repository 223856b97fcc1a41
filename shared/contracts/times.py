"""Times and days as text: ISO 8601 in UTC, to the second."""

from datetime import date, datetime
from functools import lru_cache
from time import gmtime, strftime
from typing import Final

from shared.contracts.errors import InputError

EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()


# The rows of one candle carry its two times over and over, and writing a time costs as much as storing it.
@lru_cache(maxsize=4_096)
def format_time(seconds: int) -> str:
    """Write a time as `YYYY-MM-DDTHH:MM:SSZ`."""
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(seconds))


def parse_time(text: str) -> int:
    """Read `YYYY-MM-DDTHH:MM:SSZ` as seconds since the epoch; raises ValueError for anything else."""
    if len(text) != 20 or text[10] != "T" or text[19] != "Z":
        raise ValueError(f"{text!r} is not a time written YYYY-MM-DDTHH:MM:SSZ")
    return int(datetime.fromisoformat(text).timestamp())


def parse_moment(text: str) -> int:
    """Read an ISO time as people write it, in seconds; raise InputError when it cannot be read or has no zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(f"the time {text!r} cannot be read; write it like 2014-05-08T11:45:00Z")
    return int(moment.timestamp())


def format_day(day: int) -> str:
    """Write a number of days since 1970-01-01 as `YYYY-MM-DD`."""
    return date.fromordinal(day + EPOCH_ORDINAL).isoformat()
