"""Days: trading days, by which VWAP and the daily loss are reckoned, and FX days, by which a run's figures are."""

from datetime import date
from typing import Final

from shared.calendar.marks import Times
from shared.calendar.zones import local_seconds
from shared.core.types import SECONDS_PER_DAY

_FX_ZONE: Final = "America/New_York"
_FX_HOUR: Final = 17
# The epoch began on a Thursday; the days that begin on a Friday and a Saturday are the closed weekend.
_DAYS_FROM_EPOCH_TO_FRIDAY: Final = 1
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()


def trading_day_numbers(open_times: Times, zone: str = "UTC", hour: int = 0) -> Times:
    """Return the trading day of candles by their OPEN time, for one time or a column, in days since the epoch.

    A day begins when the zone's wall clock shows `hour` and is named by the date on which it begins.
    """
    return (local_seconds(open_times, zone) - hour * 3600) // SECONDS_PER_DAY


def fx_day_numbers(open_times: Times) -> Times:
    """Return the FX day of candles by their OPEN time, for one time or a column, in days since the epoch.

    It begins at 17:00 New York and is named by the date on which it begins, so that a week has five, Sunday's to
    Thursday's. Candles of the closed weekend belong to the day that ended when the market closed.
    """
    days = trading_day_numbers(open_times, _FX_ZONE, _FX_HOUR)
    from_friday = (days - _DAYS_FROM_EPOCH_TO_FRIDAY) % 7
    return days - (from_friday < 2) * (from_friday + 1)


def trading_day_date(number: int) -> date:
    """Return the calendar date of a trading day's number."""
    return date.fromordinal(_EPOCH_ORDINAL + number)
