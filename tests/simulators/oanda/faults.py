"""What can be wrong with the simulated OANDA: switches that can be turned at any time, and faults for single answers.

Where a fault falls is drawn from the seed and the name of what it falls on, so a run can be repeated.
"""

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

Kind = TypeVar("Kind")


class ResponseFault(StrEnum):
    """What goes wrong with one request; only those that say so carry the request out."""

    UNAUTHORIZED = "401"
    TOO_MANY_REQUESTS = "429"
    TOO_MANY_REQUESTS_RETRY_AFTER = "429_retry_after"
    INTERNAL_ERROR = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    TIMEOUT = "504"
    CLOUDFLARE = "520"
    HTML = "html"
    OTHER_SHAPE = "other_shape"  # well-formed JSON with status 200 that is no answer to what was asked
    FORBIDDEN = "403"  # OANDA's own words
    FORBIDDEN_PAGE = "403_page"  # a page of whoever stands in between
    NOT_FOUND = "404"
    NOT_FOUND_PAGE = "404_page"
    MOVED = "302"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"  # carried out and answered in full; then the connection breaks
    RESET_MIDWAY = "reset_midway"  # carried out; half the answer arrives
    DROPPED = "dropped"  # carried out, but nothing of the answer arrives
    ERROR_AFTER_APPLYING = "error_after_applying"  # carried out, but answered with a 504
    SLOW = "slow"  # carried out, answered late
    TRUNCATED = "truncated"  # carried out; the body is well-formed HTTP but half its JSON
    LATE_LANDING = "late_landing"  # answered with a 504; an order or close is carried out some time later


class StreamFault(StrEnum):
    """What goes wrong with one connection to the price stream, from some line on."""

    ABRUPT_CLOSE = "abrupt_close"
    CUT_LINE = "cut_line"  # half a line, then the connection breaks
    SILENT_STALL = "silent_stall"
    PRICES_STOP = "prices_stop"
    GARBAGE_LINE = "garbage_line"


class BarKey(NamedTuple):
    """A bar of the series: its pair and open time in seconds."""

    pair: str
    time: int


RANDOM_RESPONSES: Final = tuple(ResponseFault)
# For a client to whom a refusal in OANDA's own words is the end, as for one that asks only once.
OUTAGES: Final = tuple(each for each in ResponseFault if each not in (ResponseFault.FORBIDDEN, ResponseFault.NOT_FOUND))
RANDOM_STREAM_FAULTS: Final = tuple(StreamFault)
_STREAM_FAULTS_PER_LINE: Final = 0.02


class _Scheduled(NamedTuple):
    fault: ResponseFault
    path: str


@dataclass
class Faults:
    """The switches; without any the simulator behaves as OANDA does on a good day.

    Rates are shares between 0 and 1. Times are seconds of the market unless named real.
    """

    seed: int = 0
    # Candles.
    late_completion_seconds: float = 0.0  # each bar completes up to this much late
    completes_with_next_tick: bool = False  # a bar is incomplete until the pair is quoted after its end
    include_first_quirk: bool = False  # without includeFirst the first bar is counted but left out
    omits_incomplete_bars: bool = False
    max_candle_count: int = 5000
    missing_rate: float = 0.0  # bars that never existed
    missing: Collection[BarKey] = ()
    revised_rate: float = 0.0  # bars whose values change once after they were complete
    revised: Collection[BarKey] = ()
    revised_after_seconds: float = 1800.0
    # Prices.
    market_halted: bool = False
    daily_break: bool = False  # 16:58 to 17:03 in New York
    rollover_widening: bool = False
    unsorted_depth: bool = False
    empty_books: bool = False
    empty_book_rate: float = 0.0
    # The account and the clock.
    stale_token: bool = False
    answers_all: ResponseFault | None = None  # what goes wrong with every request, until it is switched off
    most_transactions: int = 1000  # after one, in one answer
    wrong_account: bool = False
    clock_skew_seconds: float = 0.0
    refuses_known_client_ids: bool = False  # the documented variant: among pending orders
    # Answers.
    spared_requests: int = 0  # so many requests, the first ones, go well unless scheduled otherwise
    response_rate: float = 0.0
    response_kinds: tuple[ResponseFault, ...] = RANDOM_RESPONSES
    retry_after_seconds: int = 1
    slow_seconds_real: float = 0.2
    late_landing_seconds: float = 3.0
    requests_per_second_real: int = 0  # more are answered with 429; 0 does not limit
    # The stream.
    stream_rate: float = 0.0  # for each line
    stream_silent: bool = False
    stream_prices_stopped: bool = False
    stream_split_bytes: int = 0  # so many bytes to a chunk; 0 sends whole lines
    drawn: Counter[str] = field(default_factory=Counter, repr=False, compare=False)  # what fell at random, how often
    _scheduled: list[_Scheduled] = field(default_factory=list, repr=False)
    _scheduled_stream: list[StreamFault] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @classmethod
    def random(
        cls,
        seed: int,
        rate: float,
        *,
        alters_history: bool = False,
        kinds: tuple[ResponseFault, ...] = RANDOM_RESPONSES,
    ) -> "Faults":
        """Return switches turned at random; each answer fails with the given rate, in one of some ways.

        What is wrong never lasts, so a patient client gets every candle; the first request goes well, since a refusal
        of that is the end. Only if history may be altered are bars missing for good or revised.
        """
        chooser = random.Random(seed)
        drawn = cls(
            seed=seed,
            late_completion_seconds=45.0,
            include_first_quirk=chooser.random() < 0.5,
            omits_incomplete_bars=chooser.random() < 0.3,
            max_candle_count=chooser.choice((500, 5000)),
            missing_rate=rate / 10 if alters_history else 0.0,
            revised_rate=rate if alters_history else 0.0,
            unsorted_depth=chooser.random() < 0.5,
            empty_book_rate=rate / 10,
            spared_requests=1,
            response_rate=rate,
            stream_rate=rate * _STREAM_FAULTS_PER_LINE,
            stream_split_bytes=chooser.choice((0, 1, 7)),
            rollover_widening=chooser.random() < 0.5,
            completes_with_next_tick=chooser.random() < 0.5,
            most_transactions=chooser.choice((2, 1000)),
            response_kinds=kinds,
        )
        # Of a bar that is neither shown nor complete nobody can know, so it would last.
        drawn.completes_with_next_tick &= not drawn.omits_incomplete_bars
        return drawn

    def schedule(self, fault: ResponseFault, times: int = 1, path: str = "") -> None:
        """Let the next requests fail whose path contains a text; what is scheduled first falls first."""
        with self._lock:
            self._scheduled += [_Scheduled(fault, path)] * times

    def schedule_stream(self, fault: StreamFault, times: int = 1) -> None:
        """Let the next lines fail that any price stream sends."""
        with self._lock:
            self._scheduled_stream += [fault] * times

    def next_response(self, number: int, path: str) -> ResponseFault | None:
        """Return what goes wrong with a request, and take it off the schedule."""
        if self.answers_all is not None:
            return self.answers_all
        with self._lock:
            for at, scheduled in enumerate(self._scheduled):
                if scheduled.path in path:
                    del self._scheduled[at]
                    return scheduled.fault
        if number <= self.spared_requests:
            return None
        return self._counted(_drawn(self.response_kinds, self.response_rate, self.seed, "response", number))

    def next_line(self, connection: int, line: int) -> StreamFault | None:
        """Return what goes wrong before a line of a stream, and take it off the schedule."""
        with self._lock:
            if self._scheduled_stream:
                return self._scheduled_stream.pop(0)
        return self._counted(_drawn(RANDOM_STREAM_FAULTS, self.stream_rate, self.seed, "stream", connection, line))

    def completion_delay_seconds(self, pair: str, granularity_seconds: int, time: int) -> float:
        """Return how late a bar completes."""
        if not self.late_completion_seconds:
            return 0.0
        return self.late_completion_seconds * chance(self.seed, "late", pair, granularity_seconds, time)

    def is_missing(self, pair: str, time: int) -> bool:
        """Return whether a bar of the series never existed."""
        return self._chosen("missing", self.missing_rate, self.missing, BarKey(pair, time))

    def is_revised(self, pair: str, time: int) -> bool:
        """Return whether a bar's values change after it was complete."""
        return self._chosen("revised", self.revised_rate, self.revised, BarKey(pair, time))

    def has_empty_book(self, pair: str, nanoseconds: int) -> bool:
        """Return whether nobody offers anything at a time."""
        rate = self.empty_book_rate
        return self.empty_books or (rate > 0 and chance(self.seed, "book", pair, nanoseconds) < rate)

    def _counted(self, fault: Kind | None) -> Kind | None:
        if fault is not None:
            with self._lock:
                self.drawn[str(fault)] += 1
        return fault

    def _chosen(self, kind: str, rate: float, named: Collection[BarKey], key: BarKey) -> bool:
        return key in named or (rate > 0 and chance(self.seed, kind, *key) < rate)


def chance(*parts: str | int) -> float:
    """Return a number from 0 to below 1 that depends on nothing but what it is drawn for."""
    digest = hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / (1 << 56)


def _drawn(kinds: tuple[Kind, ...], rate: float, *parts: str | int) -> Kind | None:
    if not rate or chance(*parts) >= rate:
        return None
    return kinds[int(chance("kind", *parts) * len(kinds))]
