"""Trading days: the days by which VWAP and the daily loss are reckoned."""

from datetime import date
from typing import Final

from shared.calendar.marks import Times
from shared.calendar.zones import local_seconds
from shared.core.types import SECONDS_PER_DAY

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()


def trading_day_numbers(open_times: Times, zone: str = "UTC", hour: int = 0) -> Times:
    """Return the trading day of candles by their OPEN time, for one time or a column, in days since the epoch.

    A day begins when the zone's wall clock shows `hour` and is named by the date on which it begins.
    """
    return (local_seconds(open_times, zone) - hour * 3600) // SECONDS_PER_DAY


def trading_day_date(number: int) -> date:
    """Return the calendar date of a trading day's number."""
    return date.fromordinal(_EPOCH_ORDINAL + number)
