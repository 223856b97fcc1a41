"""The calendar of economic events, and which times lie near news."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from shared.calendar.marks import marks_reached
from shared.calendar.zones import Bools
from shared.contracts.errors import InputError
from shared.core.columns import Integers
from shared.files.unwrapped import unwrapped

ALL_CURRENCIES: Final = "All"
YUAN: Final = "CNY"
OFFSHORE_YUAN: Final = "CNH"
HIGH: Final = "High"
# A calendar that was handed over with past candles knows all there is to know of them.
NEVER_STALE: Final = 2**53
_IMPACTS: Final = (HIGH, "Medium", "Low", "Holiday", "Non-Economic")
_CURRENCY_LETTERS: Final = 3


class EconomicEvent(NamedTuple):
    """A scheduled event: time in seconds, the currency it moves or `All`, title, and impact such as `High`."""

    time: int
    currency: str
    title: str
    impact: str


class NewsWindows(NamedTuple):
    """The spans around events, each as its first second and the second after its last; both in order."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def hold(self, times: Integers) -> Bools:
        """Return for each time whether a span holds it."""
        return marks_reached(self.starts, times) > marks_reached(self.ends, times)

    def holds(self, time: int) -> bool:
        """Return whether a span holds one time."""
        return marks_reached(self.starts, time) > marks_reached(self.ends, time)


@dataclass(frozen=True)
class EconomicCalendar:
    """Economic events in order of time, and when they were fetched, in seconds."""

    events: tuple[EconomicEvent, ...]
    fetched_at: int

    def high_impact(self, currencies: Iterable[str]) -> tuple[EconomicEvent, ...]:
        """Return the high-impact events of any of the currencies, or of all, in order of time.

        Calendars tell of China's news as CNY; they move the yuan that is traded offshore, CNH, as much.
        """
        wanted = {ALL_CURRENCIES, *currencies}
        if OFFSHORE_YUAN in wanted:
            wanted.add(YUAN)
        return tuple(sorted(event for event in self.events if event.impact == HIGH and event.currency in wanted))

    def windows(self, currencies: Iterable[str], minutes: int = 15) -> NewsWindows:
        """Return the spans that lie at most `minutes` from a high-impact event, the bounds included."""
        times = [event.time for event in self.high_impact(currencies)]
        return NewsWindows(
            starts=tuple(time - minutes * 60 for time in times), ends=tuple(time + minutes * 60 + 1 for time in times)
        )

    def is_stale(self, now: int, max_age_hours: float = 24) -> bool:
        """Return whether the calendar was fetched more than `max_age_hours` before `now`."""
        return now - self.fetched_at > max_age_hours * 3600


def read_calendar(path: Path) -> EconomicCalendar:
    """Read a Forex Factory calendar file that goes with past candles, so that it is never stale.

    It may be in gzip or zip, and in UTF-8 or UTF-16. Raises InputError naming the file, the entry and the key.
    """
    with unwrapped(path, "news calendar") as stream:
        content = stream.read()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: the news calendar is not in UTF-8 ({error}); save it so") from error
    return parse_calendar(text, str(path), NEVER_STALE)


def parse_calendar(text: str, source: str, fetched_at: int) -> EconomicCalendar:
    """Parse a Forex Factory calendar: a JSON list of objects with title, country, date and impact.

    `source` is named in errors. Raises InputError naming the source, the entry (the first is 1) and the key.
    """
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{source}:{error.lineno}: the news calendar is not valid JSON: {error.msg}") from error
    except RecursionError as error:
        raise InputError(f"{source}: the news calendar is nested too deeply; it must be a list of events") from error
    if not isinstance(entries, list):
        raise InputError(f"{source}: the news calendar must be a JSON list of events, like Forex Factory's weekly file")
    events = (_event(entry, f"{source}: entry {number}") for number, entry in enumerate(entries, start=1))
    return EconomicCalendar(tuple(sorted(events)), fetched_at)


def _event(entry: object, where: str) -> EconomicEvent:
    if not isinstance(entry, dict):
        raise InputError(f"{where}: an event must be an object with title, country, date and impact")
    return EconomicEvent(
        time=_time(_text(entry, "date", where), where),
        currency=_currency(_text(entry, "country", where), where),
        title=_text(entry, "title", where),
        impact=_impact(_text(entry, "impact", where), where),
    )


def _text(entry: dict[str, object], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        found = "is missing" if key not in entry else f"is {json.dumps(value)}"
        raise InputError(f"{where}: key '{key}' {found}; it must be text")
    return value.strip()


def _time(text: str, where: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(
            f"{where}: key 'date' is '{text}'; write an ISO date and time with offset, like 2014-05-02T08:30:00-04:00"
        )
    return int(moment.timestamp())


def _currency(text: str, where: str) -> str:
    if text.lower() == ALL_CURRENCIES.lower():
        return ALL_CURRENCIES
    if len(text) != _CURRENCY_LETTERS or not (text.isascii() and text.isalpha()):
        raise InputError(f"{where}: key 'country' is '{text}'; it must be a currency such as USD, or All")
    return text.upper()


def _impact(text: str, where: str) -> str:
    for impact in _IMPACTS:
        if text.lower() == impact.lower():
            return impact
    raise InputError(f"{where}: key 'impact' is '{text}'; it must be one of {', '.join(_IMPACTS)}")
