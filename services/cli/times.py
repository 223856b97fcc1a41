"""Times as people give them to verbs: a day, a moment, or how long ago."""

import re
from datetime import UTC, datetime
from typing import Final

from services.cli.options import Between
from shared.contracts.errors import InputError, shortened
from shared.store.rows.listing import Span

_AGO: Final = re.compile(r"(\d{1,6})\s*(s|min|h|d|w)")
_SECONDS: Final = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def span_of(between: Between, limit: int, now: float) -> Span | None:
    """Return the newest rows of a time that `--from` and `--to` name, None where they name none.

    Raises InputError for what is no time, or for an end that is not after its begin.
    """
    if between.begin is None and between.end is None:
        return None
    start = None if between.begin is None else time_given("--from", between.begin, now)
    end = None if between.end is None else time_given("--to", between.end, now)
    if start is not None and end is not None and end <= start:
        raise InputError(f"--to {between.end} is not after --from {between.begin}; give a later time, or leave one out")
    return Span(limit=limit, start=start, end=end)


def time_given(option: str, text: str, now: float) -> int:
    """Return the seconds since the epoch that a text names; a time without a zone is in UTC."""
    if ago := _AGO.fullmatch(text.strip()):
        return int(now) - int(ago[1]) * _SECONDS[ago[2]]
    try:
        moment = datetime.fromisoformat(text.strip())
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError) as fault:
        raise InputError(
            f"{option} {shortened(text)!r} is no time: write a day such as 2026-01-05, a time such as 2026-01-05T12:00 "
            "(UTC), or how long ago, such as 90min, 12h or 7d"
        ) from fault
