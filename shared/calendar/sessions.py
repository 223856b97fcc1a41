"""Session windows: the hours of the day in which a pair may be traded, on the wall clock of a zone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.calendar.marks import Times
from shared.calendar.zones import Bools, known_zone, local_seconds, recurring
from shared.contracts.errors import InputError
from shared.core.columns import Integers
from shared.core.types import SECONDS_PER_DAY

_MINUTES_PER_DAY: Final = 1440
_WINDOW: Final = re.compile(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)\s+(\S+)", re.ASCII)
_PRESETS: Final = {
    "london": "08:00-17:00 Europe/London",
    "new_york": "08:00-17:00 America/New_York",
    "tokyo": "09:00-18:00 Asia/Tokyo",
}
_DEFAULTS: Final = {"GBP_USD": "08:00-13:00 UTC", "USD_JPY": "00:00-09:00 UTC"}
_DEFAULT_OF_OTHERS: Final = "08:00-17:00 UTC"


@dataclass(frozen=True)
class SessionWindow:
    """A daily window, start <= local time < end, in minutes of the zone's day; an end before the start is tomorrow's.

    Raises InputError for minutes outside the day, an empty window or an unknown zone.
    """

    start_minute: int
    end_minute: int
    zone: str

    def __post_init__(self) -> None:
        if not (0 <= self.start_minute < _MINUTES_PER_DAY and 0 <= self.end_minute <= _MINUTES_PER_DAY):
            raise InputError(f"session window '{self}' must start from 00:00 to 23:59 and end from 00:00 to 24:00")
        if self.start_minute == self.end_minute:
            raise InputError(f"session window '{self}' is empty: write 00:00-24:00 for the whole day")
        known_zone(self.zone)

    def __str__(self) -> str:
        """Return the window as it is written in the configuration."""
        start_hour, start_minute = divmod(self.start_minute, 60)
        end_hour, end_minute = divmod(self.end_minute, 60)
        return f"{start_hour:02}:{start_minute:02}-{end_hour:02}:{end_minute:02} {self.zone}"

    @property
    def length_seconds(self) -> int:
        """Return how long the window is on the wall clock, in seconds."""
        return (self.end_minute - self.start_minute) % _MINUTES_PER_DAY * 60 or SECONDS_PER_DAY


def parse_window(text: str) -> SessionWindow:
    """Read `08:00-17:00 Europe/London` or a preset (london, new_york, tokyo); raise InputError for anything else."""
    wanted = text.strip()
    match = _WINDOW.fullmatch(_PRESETS.get(wanted.lower(), wanted))
    if match is None:
        raise InputError(
            f"'{text}' is not a session window: write it like '08:00-17:00 Europe/London' or use one of the presets "
            f"{', '.join(_PRESETS)}"
        )
    start_hour, start_minute, end_hour, end_minute = map(int, match.groups()[:4])
    return SessionWindow(start_hour * 60 + start_minute, end_hour * 60 + end_minute, match[5])


def default_windows(pair: str) -> tuple[SessionWindow, ...]:
    """Return the windows in which a pair is traded unless the configuration says otherwise."""
    return (parse_window(_DEFAULTS.get(pair, _DEFAULT_OF_OTHERS)),)


def _seconds_into(window: SessionWindow, times: Times) -> Times:
    return (local_seconds(times, window.zone) - window.start_minute * 60) % SECONDS_PER_DAY


def session_open(windows: Sequence[SessionWindow], times: Integers) -> Bools:
    """Return for each time whether it lies in one of the windows."""
    inside = np.zeros(times.shape, np.bool_)
    for window in windows:
        inside |= recurring(times, window.zone, window.start_minute * 60, window.length_seconds, SECONDS_PER_DAY)
    return inside


def is_session_open(windows: Sequence[SessionWindow], time: int) -> bool:
    """Return whether one time lies in one of the windows."""
    return any(_seconds_into(window, time) < window.length_seconds for window in windows)
