"""The economic calendar of live runs as the store keeps it: one process writes it, others read it, all see its age.

Events that differ from those before are a new version of a setting, so that what the news gate went by stays known.
When the calendar was asked for and last confirmed lies in a snapshot that is overwritten: asking leaves no rows behind.
"""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeVar

import msgspec

from shared.calendar.economic import EconomicCalendar, EconomicEvent
from shared.contracts.errors import InvariantError
from shared.core.types import SECONDS_PER_DAY
from shared.store.port import Reader, Transaction
from shared.store.rows.runtime import SnapshotRow

NEWS: Final = "news_calendar"
_KEEPER: Final = "ingest"

Kept = TypeVar("Kept")
Events = tuple[EconomicEvent, ...]


@dataclass(frozen=True)
class NewsRecord:
    """The last good calendar of a source, and when it was asked for; times in seconds, 0 for never.

    `fetched_at` is when the source last gave or confirmed the events, `asked_at` when it was last asked, also in vain.
    `etag` and `last_modified` are what the source wants to hear to answer that nothing has changed.
    """

    source: str = ""
    asked_at: int = 0
    fetched_at: int = 0
    etag: str | None = None
    last_modified: str | None = None
    events: Events = ()

    def calendar(self) -> EconomicCalendar | None:
        """Return the calendar to trade by, None while there is none.

        It counts as fetched at most a day after its last event: it says nothing of later times, however fresh it is.
        """
        if not self.events:
            return None
        return EconomicCalendar(self.events, min(self.fetched_at, self.last_event + SECONDS_PER_DAY))

    @property
    def last_event(self) -> int:
        """Return the time of the last event, 0 without any."""
        return max((event.time for event in self.events), default=0)


class CalendarAge(NamedTuple):
    """How old the stored calendar is, in seconds, and what it holds; other times in seconds since the epoch.

    `seconds` is what `news_max_age_hours` is held against. `asked_at` after `fetched_at`: the last try failed.
    """

    seconds: int
    fetched_at: int
    asked_at: int
    events: int
    last_event: int


def keep_news(transaction: Transaction, record: NewsRecord) -> None:
    """Store a record; its events become a new version of the setting only where they differ from the newest."""
    newest = transaction.setting(NEWS)
    version = 0 if newest is None else newest.version
    events = msgspec.json.encode(record.events).decode()
    if record.events and (newest is None or newest.body_json != events):
        version = transaction.save_setting(NEWS, events, record.fetched_at)
    times = msgspec.json.encode(replace(record, events=())).decode()
    transaction.save_snapshots([SnapshotRow(service=_KEEPER, key=NEWS, seq=version, body_json=times)])


def stored_news(reader: Reader) -> NewsRecord | None:
    """Return what the store holds, None where nothing was ever asked for."""
    return NewsView().read(reader)


def calendar_age(reader: Reader, now: int) -> CalendarAge | None:
    """Return how old the stored calendar is at a time, None where there is none."""
    record = stored_news(reader)
    calendar = None if record is None else record.calendar()
    if record is None or calendar is None:
        return None
    age_seconds = max(0, now - calendar.fetched_at)
    return CalendarAge(
        seconds=age_seconds,
        fetched_at=record.fetched_at,
        asked_at=record.asked_at,
        events=len(record.events),
        last_event=record.last_event,
    )


class NewsView:
    """A view of the stored record that reads the events only when there is a new version of them."""

    def __init__(self) -> None:
        """Begin without having read anything."""
        self._seen: tuple[int, str] | None = None
        self._record: NewsRecord | None = None

    def read(self, reader: Reader) -> NewsRecord | None:
        """Return the stored record, the same object as long as nothing changes."""
        found = reader.snapshot(_KEEPER, NEWS)
        if found != self._seen:
            self._record = None if found is None else self._merged(reader, *found)
            self._seen = found
        return self._record

    def _merged(self, reader: Reader, version: int, times: str) -> NewsRecord:
        record = _decoded(times, NewsRecord, "snapshots")
        if self._record is not None and self._seen is not None and self._seen[0] == version:
            return replace(record, events=self._record.events)
        newest = reader.setting(NEWS)
        events: Events = () if newest is None else _decoded(newest.body_json, Events, "settings")
        return replace(record, events=events)


def _decoded(text: str, kind: type[Kept], table: str) -> Kept:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as fault:
        raise InvariantError(f"table {table}, row {NEWS}: {fault}") from fault
