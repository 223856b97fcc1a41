"""Candle rows, read one by one: the authority on which row is good, and on why a bad one is bad.

Numbers are judged by their text, so no rounding of binary floats decides whether a price lies on the pair's points.
"""

import math
import re
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np

from services.ingest.files.layout import CandleLayout, ParsedRows, RejectedRow, price_disorder
from services.ingest.granularity import UNREADABLE_TIME
from shared.contracts.errors import shortened
from shared.core.columns import Integers
from shared.core.types import SECONDS_PER_DAY

_TIME: Final = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?)?"
    r"(?P<zone>[Zz]|(?P<sign>[+-])(?P<zone_hour>\d\d)(?::?(?P<zone_minute>\d\d))?)?",
    re.ASCII,
)
_NUMBER: Final = re.compile(r"(?P<sign>[+-]?)(?:\d+\.?\d*|\.\d+)(?P<exponent>[eE][+-]?\d{1,3})?", re.ASCII)
_NOT_FINITE: Final = frozenset({"nan", "inf", "infinity"})
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_LONGEST_SHOWN_TEXT: Final = 200
_POINTS_LIMIT: Final = 2**53


class BadRowError(ValueError):
    """A row cannot be used; the message says why. Leave the row out, or refuse its file."""


class RowsRead(NamedTuple):
    """Well-formed rows, the others, and the open times of all in seconds, `UNREADABLE_TIME` where one has none."""

    columns: ParsedRows
    rejected: list[RejectedRow]
    times_of_all: Integers


def parse_rows(block: bytes, first_line: int, layout: CandleLayout, digits: int) -> RowsRead:
    """Read the rows of a block of whole lines; blank lines are passed over.

    `digits` are the decimals of a price's point. The order of times is not judged here.
    """
    lines: list[int] = []
    times: list[int] = []
    times_of_all: list[int] = []
    prices: list[list[int]] = []
    volumes: list[float] = []
    rejected: list[RejectedRow] = []
    for line, text in enumerate(block.decode("utf-8", "replace").removesuffix("\n").split("\n"), first_line):
        if not text.strip():
            continue
        try:
            time, row_prices, volume = parse_row(text, layout, digits)
        except BadRowError as error:
            rejected.append(RejectedRow(line, str(error), shown_text(text)))
            times_of_all.append(_time_of_bad_row(text))
            continue
        lines.append(line)
        times.append(time)
        times_of_all.append(time)
        prices.append(row_prices)
        volumes.append(volume)
    columns = ParsedRows(
        line=np.array(lines, np.int64),
        time=np.array(times, np.int64),
        prices=np.ascontiguousarray(np.array(prices, np.int64).reshape(-1, len(layout.price_names)).T),
        volume=np.array(volumes, np.float64),
    )
    return RowsRead(columns=columns, rejected=rejected, times_of_all=np.array(times_of_all, np.int64))


def _time_of_bad_row(text: str) -> int:
    """Return the open time of a row that is bad for another reason, else `UNREADABLE_TIME`."""
    try:
        return parse_time(text.partition(",")[0].strip())
    except BadRowError:
        return UNREADABLE_TIME


def parse_row(text: str, layout: CandleLayout, digits: int) -> tuple[int, list[int], float]:
    """Return a row's time in seconds, prices in points and volume in ticks; raise `BadRowError` for a bad one."""
    fields = [field.strip() for field in text.split(",")]
    if len(fields) != layout.field_count:
        raise BadRowError(f"the row has {len(fields)} fields instead of {layout.field_count}")
    time = parse_time(fields[0])
    prices = [parse_points(name, field, digits) for name, field in zip(layout.price_names, fields[1:-1], strict=True)]
    volume = parse_volume(fields[-1])
    if disorder := price_disorder(prices, layout, digits):
        raise BadRowError(disorder)
    return time, prices, volume


def shown_text(text: str) -> str:
    """Return a row's text as far as it is kept."""
    return text.rstrip("\r\n")[:_LONGEST_SHOWN_TEXT]


def parse_time(text: str) -> int:
    """Return epoch seconds of an ISO-8601 time with a zone; raise `BadRowError` for anything else."""
    if not text:
        raise BadRowError("time is missing")
    found = _TIME.fullmatch(text)
    if found is None:
        raise BadRowError(f"time {_quoted(text)} is not an ISO-8601 time such as 2014-05-01T00:00:00Z")
    if found["zone"] is None or found["hour"] is None:
        raise BadRowError(f"time {_quoted(text)} has no zone (write Z or an offset after the seconds)")
    try:
        days = date.fromisoformat(found["date"]).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        raise BadRowError(f"time {_quoted(text)} has a date that does not exist") from None
    hour, minute, second, zone_hour, zone_minute = (
        int(found[name] or 0) for name in ("hour", "minute", "second", "zone_hour", "zone_minute")
    )
    if max(hour, zone_hour) > 23 or max(minute, second, zone_minute) > 59:
        raise BadRowError(f"time {_quoted(text)} has a time of day or an offset that does not exist")
    if (found["fraction"] or "").strip("0"):
        raise BadRowError(f"time {_quoted(text)} does not lie on a whole second")
    offset = (zone_hour * 3600 + zone_minute * 60) * (-1 if found["sign"] == "-" else 1)
    return days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset


def parse_points(name: str, text: str, digits: int) -> int:
    """Return the whole points of a price above zero; raise `BadRowError` naming the field for anything else."""
    found = _match_number(name, text)
    plain = format(Decimal(text), "f") if found["exponent"] else text
    whole, _, decimals = plain.lstrip("+-").partition(".")
    decimals = decimals.rstrip("0")
    if found["sign"] == "-" or not (whole + decimals).strip("0"):
        raise BadRowError(f"{name} {shortened(text, 40)} is not above zero")
    if len(decimals) > digits:
        raise BadRowError(f"{name} {shortened(text, 40)} has more than {digits} decimals")
    significant = whole.lstrip("0") + decimals.ljust(digits, "0")
    if len(significant) > 16 or int(significant) >= _POINTS_LIMIT:
        raise BadRowError(f"{name} {shortened(text, 40)} is too large for a price")
    return int(significant)


def parse_volume(text: str) -> float:
    """Return a volume in ticks, zero or more; raise `BadRowError` for anything else."""
    _match_number("volume", text)
    volume = float(text)
    if not math.isfinite(volume):
        raise BadRowError(f"volume {shortened(text, 40)} is not a finite number")
    if volume < 0:
        raise BadRowError(f"volume {shortened(text, 40)} is negative")
    return volume


def _match_number(name: str, text: str) -> re.Match[str]:
    if not text:
        raise BadRowError(f"{name} is missing")
    found = _NUMBER.fullmatch(text)
    if found is not None:
        return found
    if text.lstrip("+-").lower() in _NOT_FINITE:
        raise BadRowError(f"{name} {text} is not a finite number")
    raise BadRowError(f"{name} {_quoted(text)} is not a number")


def _quoted(text: str) -> str:
    return repr(shortened(text, 40))
