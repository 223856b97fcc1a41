"""Times as OANDA writes them, read exactly: RFC 3339 with up to nine decimals, or seconds since the epoch."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

NANOSECONDS_PER_SECOND: Final = 1_000_000_000
_DECIMALS: Final = 9
_RFC3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_UNIX: Final = re.compile(r"(\d{1,11})(?:\.(\d{1,9}))?", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


def parse_time_nanoseconds(text: str) -> int:
    """Read a time as nanoseconds since the epoch; raise ValueError unless it names one moment exactly."""
    unix = _UNIX.fullmatch(text)
    if unix is not None:
        return _nanoseconds(int(unix[1]), unix[2])
    written = _RFC3339.fullmatch(text)
    if written is None:
        raise ValueError(f"{text!r} is not a time with a zone, nor seconds since the epoch")
    year, month, day, hour, minute, second = map(int, written.groups()[:6])
    seconds = (datetime(year, month, day, hour, minute, second, tzinfo=UTC) - _EPOCH) // _SECOND
    return _nanoseconds(seconds - _offset_seconds(written), written[7])


def parse_time_seconds(text: str) -> int:
    """Read a time as whole seconds since the epoch; raise ValueError where it lies between two of them."""
    seconds, rest = divmod(parse_time_nanoseconds(text), NANOSECONDS_PER_SECOND)
    if rest:
        raise ValueError(f"{text!r} lies between two seconds")
    return seconds


def _nanoseconds(seconds: int, fraction: str | None) -> int:
    return seconds * NANOSECONDS_PER_SECOND + int((fraction or "").ljust(_DECIMALS, "0"))


def _offset_seconds(written: re.Match[str]) -> int:
    if written[8] is None:
        return 0
    hours, minutes = int(written[9]), int(written[10])
    if hours > 23 or minutes > 59:
        raise ValueError(f"{written[0]!r} has no such zone")
    return (60 * hours + minutes) * (60 if written[8] == "+" else -60)
