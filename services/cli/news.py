"""The news calendar of a verb that works on past candles."""

from pathlib import Path

from shared.calendar.economic import EconomicCalendar, read_calendar


def read_news(path: Path | None) -> EconomicCalendar | None:
    """Read the news calendar, if one is given; raise InputError naming the entry that is wrong."""
    return None if path is None else read_calendar(path)
