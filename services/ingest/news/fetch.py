"""Keep the economic calendar of a live run fresh: a thread that fetches it now and then, and never more often.

Nobody waits for it. What it fetched lies in the store, from where decisions take it, and in a file for the next start.
"""

import hashlib
import math
import threading
from dataclasses import replace
from pathlib import Path
from typing import Final

from services.ingest.metrics import FeedMetrics
from services.ingest.news.cache import read_cache, write_cache
from services.ingest.news.source import USUAL_PATIENCE, Fetched, Patience, Refusal, Validators, ask_for_calendar, shown
from shared.bus.backoff import Backoff
from shared.calendar.market_hours import is_market_open
from shared.contracts.errors import InfrastructureError, InputError
from shared.contracts.times import format_time
from shared.runtime.news import NewsRecord, keep_news, stored_news
from shared.runtime.process import Process
from shared.store.port import Store
from shared.web.way_out import STRAIGHT, WayOut

# The site answers 429 to whoever asks more than twice in five minutes.
SHORTEST_PAUSE_SECONDS: Final = 300.0
_LONGEST_FAILURE_PAUSE_SECONDS: Final = 3_600.0
_LONGEST_PAUSE_SECONDS: Final = 86_400.0
_NAP_SECONDS: Final = 5.0
# Fetching a tenth earlier at most, never later, keeps a calendar within the age that it may have.
_EARLIER: Final = 0.1
_NOT_STORED: Final = "the news calendar is not stored yet"
_NOT_IN_FILE: Final = "the news calendar is not in its file"


class CalendarFetcher:
    """Fetch one calendar in a thread of its own, from the last good one on."""

    def __init__(
        self,
        process: Process,
        store: Store,
        url: str,
        hours: float,
        cache: Path | None,
        patience: Patience = USUAL_PATIENCE,
        way: WayOut = STRAIGHT,
    ) -> None:
        """Fetch from `url` every `hours` and keep the answer in a store and, if a file is named, in that."""
        self._process = process
        self._log = process.log
        self._store = store
        self._url = url
        # An address may hold a secret, and all that matters is whether it is still the same.
        self._source = hashlib.sha256(url.encode()).hexdigest()[:16]
        self._every_seconds = hours * 3_600
        self._cache = cache
        self._patience = patience
        self._way = way
        self._failing = Backoff(2 * SHORTEST_PAUSE_SECONDS, _LONGEST_FAILURE_PAUSE_SECONDS, process.rng.random)
        self._record = NewsRecord()
        self._in_store: NewsRecord | None = None
        self._in_cache: NewsRecord | None = None
        self._taken_up = False
        self._complaints: dict[str, str] = {}
        # Due by whichever clock comes first: the one stands still while a machine sleeps, the other may be set back.
        self._due_monotonic = self._due_clock = float("-inf")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="news calendar", daemon=True)

    def start(self) -> None:
        """Take up what store and file hold, then fetch in the background whenever it is time to."""
        self._take_up()
        self._process.metrics.of(FeedMetrics).news_age.set_function(self.age_seconds)
        self._thread.start()

    def stop(self, seconds: float = 2.0) -> None:
        """End within so many seconds; a request that is under way is left to itself."""
        self._stopping.set()
        self._thread.join(seconds)

    def age_seconds(self) -> float:
        """Return how old the calendar is, NaN without one."""
        calendar = self._record.calendar()
        return math.nan if calendar is None else max(0.0, self._process.clock() - calendar.fetched_at)

    def look(self) -> None:
        """Fetch if it is time to, and put what is known where it is still missing."""
        if not self._taken_up and not self._take_up():
            return
        if self._process.monotonic() >= self._due_monotonic or self._process.clock() >= self._due_clock:
            self._fetch()
        self._keep()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except Exception:
                # Nothing that happens here may end the thread: without it no calendar would ever come again.
                self._log.exception("fetching the news calendar failed unexpectedly")
                self._wait(self._pause_after_failure())
            self._stopping.wait(_NAP_SECONDS)

    def _take_up(self) -> bool:
        """Begin with the newer of what store and file hold; nothing is written before the store could be read."""
        try:
            with self._store.reading() as reader:
                self._in_store = stored_news(reader)
        except InfrastructureError as fault:
            self._complain("the stored news calendar is out of reach", str(fault))
            return False
        self._in_cache = self._read_cache()
        now = int(self._process.clock())
        found = [_not_of_the_future(record, now) for record in (self._in_store, self._in_cache) if record is not None]
        if found:
            self._record = max(found, key=lambda each: (each.fetched_at, each.asked_at))
            asked_at = max(record.asked_at for record in found)
            fresh_until = self._record.fetched_at + self._every_seconds if self._is_ours() else now
            self._wait(max(fresh_until, asked_at + SHORTEST_PAUSE_SECONDS) - now)
            self._keep()
        self._taken_up = True
        return True

    def _fetch(self) -> None:
        now = int(self._process.clock())
        # Noted before it is asked, so that a program that is started over and over does not ask over and over.
        self._wait(SHORTEST_PAUSE_SECONDS)
        self._record = replace(self._record, asked_at=now)
        self._keep()
        known = Validators(self._record.etag, self._record.last_modified) if self._is_ours() else Validators()
        answer = ask_for_calendar(self._url, known, now, self._patience, self._way)
        if self._stopping.is_set():
            return
        if isinstance(answer, Refusal):
            self._refused(answer)
        else:
            self._fetched(answer, now)

    def _fetched(self, answer: Fetched, now: int) -> None:
        before = self._record.events
        record = NewsRecord(
            source=self._source,
            asked_at=now,
            fetched_at=now,
            etag=answer.known.etag,
            last_modified=answer.known.last_modified,
            events=before if answer.events is None else answer.events,
        )
        self._record = record
        self._failing.reset()
        self._wait(self._every_seconds * (1 - _EARLIER * self._process.rng.random()))
        last_event = format_time(record.last_event)
        self._log.info(
            "news calendar fetched", events=len(record.events), changed=record.events != before, last_event=last_event
        )
        calendar = record.calendar()
        if calendar is not None and calendar.fetched_at < now and is_market_open(now):
            self._log.warning(
                "the news calendar has ended and counts as old until a newer one comes",
                source=shown(self._url),
                last_event=last_event,
            )

    def _refused(self, refusal: Refusal) -> None:
        pause_seconds = max(self._pause_after_failure(), refusal.pause_seconds)
        self._wait(pause_seconds)
        self._process.metrics.of(FeedMetrics).news_failures.inc()
        age_seconds = self.age_seconds()
        self._log.warning(
            "news calendar not fetched",
            reason=refusal.why,
            next_try_seconds=round(pause_seconds),
            age_hours=None if math.isnan(age_seconds) else round(age_seconds / 3_600, 1),
        )

    def _is_ours(self) -> bool:
        """Return whether what is known came from the address that is asked now."""
        return self._record.source == self._source and bool(self._record.events)

    def _pause_after_failure(self) -> float:
        return max(SHORTEST_PAUSE_SECONDS, self._failing.next_seconds())

    def _wait(self, seconds: float) -> None:
        seconds = min(max(seconds, 0.0), _LONGEST_PAUSE_SECONDS)
        self._due_monotonic = self._process.monotonic() + seconds
        self._due_clock = self._process.clock() + seconds

    def _keep(self) -> None:
        record = self._record
        if record != self._in_store and record != NewsRecord():
            try:
                with self._store.transaction() as transaction:
                    keep_news(transaction, record)
                self._in_store = record
                self._complaints.pop(_NOT_STORED, None)
            except InfrastructureError as fault:
                self._complain(_NOT_STORED, str(fault))
        if self._cache is not None and record != self._in_cache and record != NewsRecord():
            try:
                write_cache(self._cache, record)
                self._in_cache = record
                self._complaints.pop(_NOT_IN_FILE, None)
            except InputError as fault:
                self._complain(_NOT_IN_FILE, str(fault))

    def _read_cache(self) -> NewsRecord | None:
        try:
            return None if self._cache is None else read_cache(self._cache)
        except InputError as fault:
            self._complain("the news calendar is not taken from its file", str(fault))
            return None

    def _complain(self, what: str, why: str) -> None:
        """Warn of something that is tried again every few seconds, once as long as it stays the same."""
        if self._complaints.get(what) != why:
            self._log.warning(what, reason=why)
        self._complaints[what] = why


def _not_of_the_future(record: NewsRecord, now: int) -> NewsRecord:
    """Return a record whose times are not after now, which a wrong clock made; else it would stay fresh for ever."""
    return replace(record, fetched_at=min(record.fetched_at, now), asked_at=min(record.asked_at, now))
