"""Moments as OANDA writes them: nine decimals, in RFC 3339 or in seconds since the epoch."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

NANOSECONDS: Final = 1_000_000_000
# OANDA reads a time without a zone on the wall clock of New York.
_ZONE_IF_NONE: Final = ZoneInfo("America/New_York")
_RFC3339: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?")
_UNIX: Final = re.compile(r"(\d{1,12})(?:\.(\d{1,9}))?")


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """A time in nanoseconds since the epoch that is written in the form which the request asks for."""

    nanoseconds: int


Json: TypeAlias = "str | int | bool | Moment | Mapping[str, Json] | Sequence[Json] | None"
Body: TypeAlias = dict[str, Json]


def format_moment(nanoseconds: int, *, unix: bool = False) -> str:
    """Write a time with nine decimals, such as `2014-05-01T00:00:00.000000000Z`."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    if unix:
        return f"{seconds}.{rest:09d}"
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def parse_moment(text: str, *, unix: bool = False) -> int:
    """Read a time as nanoseconds since the epoch; raise ValueError if it is not in the agreed form."""
    found = (_UNIX if unix else _RFC3339).fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a time")
    rest = int((found[2] or "").ljust(9, "0"))
    if unix:
        return int(found[1]) * NANOSECONDS + rest
    moment = datetime.fromisoformat(found[1] + (found[3] or ""))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_ZONE_IF_NONE)
    return int(moment.timestamp()) * NANOSECONDS + rest
