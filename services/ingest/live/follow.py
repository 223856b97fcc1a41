"""Follow a live feed of candles: warm up, fill what was missed, then ask around each close."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeVar

from services.ingest.feed import CandleFeed, closed_order, require_granularities
from services.ingest.live.checks import FUTURE_TOLERANCE_SECONDS, settled, shown_from
from services.ingest.live.collector import Collector, Hole, Release
from services.ingest.live.pair import REMEMBERED_CANDLES, StoredPair
from services.ingest.live.source import FeedRefusedError, Source
from services.ingest.metrics import FeedMetrics, IngestMetrics
from shared.contracts.errors import InfrastructureError, MessageError
from shared.contracts.feed import FedCandle
from shared.contracts.granularity import parse_granularity
from shared.contracts.instruments import require_grid
from shared.core.types import Instrument
from shared.runtime.process import Process
from shared.settings.sections import LiveSettings
from shared.store.port import Reader, Store

_BATCH: Final = 500
_PAGE_CANDLES: Final = 1_000
_LONGEST_NAP_SECONDS: Final = 0.25
_MOST_SKEW_SECONDS: Final = 5.0
_FEED: Final = "feed"

Answer = TypeVar("Answer")


class Stored(NamedTuple):
    """What the store holds of the followed pairs, and the order of its last candle."""

    pairs: dict[str, StoredPair]
    last_order: tuple[int, str] | None


def follow(
    process: Process,
    store: Store,
    feed: CandleFeed,
    source: Source,
    instruments: Sequence[Instrument],
    settings: LiveSettings,
    on_idle: Callable[[], None],
) -> None:
    """Bring a live feed's candles into the platform until the process is to stop.

    `on_idle` is called after every stored batch and several times a second between polls. Raises InputError where the
    feed refuses us for good, or where the store holds other candles of a pair.
    """
    step, pairs = parse_granularity(settings.granularity), [each.name for each in instruments]
    stored = process.retry_until_available("store", partial(_read_stored, store, instruments, step))
    if stored is None:
        return
    for pair, known in stored.pairs.items():
        if known.candles:
            process.metrics.of(FeedMetrics).last_candle.labels(pair).set(known.candles[-1].time + step)
    collector = Collector(
        instruments, step, late_seconds=settings.late_seconds, stored=stored.pairs, last_order=stored.last_order
    )
    LiveFeed(process, feed, source, collector, pairs=pairs, settings=settings, on_idle=on_idle).run()


class LiveFeed:
    """The loop around a collector: it asks the feed, stores what is released, and rests until the next close."""

    def __init__(
        self,
        process: Process,
        feed: CandleFeed,
        source: Source,
        collector: Collector,
        pairs: Sequence[str],
        settings: LiveSettings,
        on_idle: Callable[[], None],
    ) -> None:
        """Follow some pairs; nothing is asked yet."""
        self._process = process
        self._feed = feed
        self._source = source
        self._collector = collector
        self._pairs = sorted(set(pairs))
        self._settings = settings
        self._step = parse_granularity(settings.granularity)
        self._on_idle = on_idle
        self._server_time = 0.0
        self._told_at = 0.0
        self._asked_at = 0.0
        self._answered_at = process.monotonic()
        self._away_since: float | None = None
        self._refused = False
        self._skewed = False
        self._failures: Counter[str] = Counter()
        self._heard_at: float | None = None

    def run(self) -> None:
        """Follow until the process is to stop."""
        process = self._process
        process.health.waits_for(_FEED, "it has not answered yet")
        while not process.stopped():
            answered = self._round()
            if answered:
                self._feed_is_there()
            # While the feed is away as a whole, no pair is late: waiting for it costs nothing, a lost candle does.
            if self._heard_at is not None:
                self._store_released(self._heard_at)
            self._rest(answered)

    def _round(self) -> bool:
        """Ask for all that is wanted now, and return whether every question was answered."""
        self._heard_at = None
        if not self._learn_time():
            return False
        for pair in self._collector.not_begun():
            if not self._begin(pair):
                return False
        latest = self._ask("all pairs", lambda: self._source.latest(self._pairs))
        if latest is None:
            return False
        self._heard_at = asked_at = self._asked_at
        for pair in self._pairs:
            fed = self._settled(latest.get(pair, ()), asked_at)
            self._collector.glimpse(pair, fed, self._now(fed), asked_at)
        # A pair that fails again and again comes last, so that it holds up no other.
        holes = sorted(self._collector.holes(_PAGE_CANDLES), key=lambda hole: self._failures[hole.pair])
        return all(self._fill(hole) for hole in holes if not self._process.stopped())

    def _begin(self, pair: str) -> bool:
        """Fetch the history of a pair of which nothing is stored, and return whether there was an answer."""
        count = self._settings.warm_up_candles
        fed: Sequence[FedCandle] | None = ()
        if count:
            fed = self._ask(pair, lambda: self._source.history(pair, count))
        if fed is None:
            return False
        asked_at = self._asked_at
        fed = self._settled(fed, asked_at)
        self._collector.begin(pair, fed, self._now(fed), asked_at)
        self._process.log.info("history taken", pair=pair, candles=len(fed))
        return True

    def _fill(self, hole: Hole) -> bool:
        """Fetch a page of what is missing of a pair, and return whether there was an answer."""
        fed = self._ask(hole.pair, lambda: self._source.since(hole.pair, hole.from_time, _PAGE_CANDLES))
        if fed is None:
            return False
        asked_at = self._asked_at
        fed = self._settled(fed, asked_at)
        self._collector.answer(hole.pair, fed, self._now(fed), asked_at, to_now=len(fed) < _PAGE_CANDLES)
        return True

    def _ask(self, what: str, question: Callable[[], Answer]) -> Answer | None:
        """Return the feed's answer, or None when it has none now."""
        process = self._process
        process.health.progress()
        self._asked_at = self._feed_time()
        try:
            answer = question()
        except (InfrastructureError, MessageError) as fault:
            if process.stopped():
                return None
            self._failures[what] += 1
            process.metrics.of(FeedMetrics).feed_errors.inc()
            process.health.waits_for(_FEED, str(fault))
            self._tell_away(fault)
            return None
        self._failures.pop(what, None)
        return answer

    def _tell_away(self, fault: Exception) -> None:
        process = self._process
        if isinstance(fault, FeedRefusedError):
            process.metrics.of(FeedMetrics).feed_refused.set(fault.seconds)
            if not self._refused:
                process.log.error("the live feed refuses to answer; it is asked on for an hour", reason=str(fault))
            self._refused = True
        if self._away_since is None:
            self._away_since = process.monotonic()
            process.log.warning("the live feed is away; its candles are fetched once it is back", reason=str(fault))

    def _feed_is_there(self) -> None:
        process, now = self._process, self._process.monotonic()
        self._answered_at = now
        process.metrics.of(FeedMetrics).feed_answered.set(process.clock())
        process.metrics.of(FeedMetrics).feed_age.set(0)
        process.metrics.of(FeedMetrics).feed_refused.set(0)
        self._refused = False
        process.health.has(_FEED)
        if self._away_since is not None:
            process.log.info("the live feed is back", away_seconds=round(now - self._away_since, 1))
            self._away_since = None

    def _learn_time(self) -> bool:
        """Ask the feed for its time, and return whether there was an answer."""
        told = self._ask("time", self._source.server_time)
        if told is None:
            return False
        self._server_time, self._told_at = told, self._process.monotonic()
        skew = self._process.clock() - told
        self._process.metrics.of(FeedMetrics).clock_skew.set(skew)
        if abs(skew) > _MOST_SKEW_SECONDS and not self._skewed:
            side = "ahead of" if skew > 0 else "behind"
            self._process.log.warning(
                f"this machine's clock is {abs(skew):.0f} s {side} the feed's: set it; candles follow the feed's"
            )
        self._skewed = abs(skew) > _MOST_SKEW_SECONDS
        return True

    def _settled(self, fed: Sequence[FedCandle], asked_at: float) -> Sequence[FedCandle]:
        """Return the candles of an answer with those complete that could not change when it was asked for."""
        until = asked_at - self._settings.late_seconds
        return [settled(each, self._step, until) for each in fed]

    def _feed_time(self) -> float:
        return self._server_time + self._process.monotonic() - self._told_at

    def _now(self, fed: Sequence[FedCandle] = ()) -> float:
        """Return the feed's time; where candles seem to come from later than now, it is asked for anew."""
        now = self._feed_time()
        newest = max((shown_from(each, self._step) for each in fed), default=0)
        if newest <= now + FUTURE_TOLERANCE_SECONDS or not self._learn_time():
            return now
        return self._server_time

    def _store_released(self, now: float) -> None:
        """Store what may be stored by what the feed said when it was asked, however long its answers took since."""
        process = self._process
        while not process.stopped():
            release = self._collector.release(now, _BATCH)
            if not any(release):
                return
            added = process.retry_until_available("store", partial(self._feed.add, *release))
            process.health.progress()
            if added is not None:
                self._measure(release, added)
            self._on_idle()
            if not release.arrivals:
                return

    def _measure(self, release: Release, added: int) -> None:
        metrics = self._process.metrics.of(FeedMetrics)
        self._process.metrics.of(IngestMetrics).candles.inc(added)
        for arrival in release.arrivals:
            metrics.last_candle.labels(arrival.pair).set(arrival.order[0])
        for gap in release.gaps:
            metrics.gap_seconds.labels(gap.kind).inc(gap.missing_candles * self._step)
        for row in release.rejected:
            metrics.rejected_candles.labels(row.pair).inc()
            self._process.log.warning("a candle was set aside", pair=row.pair, candle=row.source, reason=row.reason)

    def _rest(self, answered: bool) -> None:
        """Wait until the feed is to be asked again, at once where a page was only one of several."""
        process = self._process
        if answered and self._collector.holes(_PAGE_CANDLES):
            self._on_idle()
            return
        pause = self._settings.poll_seconds
        if answered:
            now = self._now()
            until_close = max(self._collector.next_close(now) - now, 0.0)
            pause = min(pause, until_close) if self._collector.awaited(now) else until_close
        until = process.monotonic() + pause
        while not process.stopped():
            process.health.progress()
            process.metrics.of(FeedMetrics).feed_age.set(process.monotonic() - self._answered_at)
            self._on_idle()
            left = until - process.monotonic()
            if left <= 0:
                return
            process.sleep(min(left, _LONGEST_NAP_SECONDS))


def _read_stored(store: Store, instruments: Sequence[Instrument], granularity_seconds: int) -> Stored:
    with store.reading() as reader:
        require_granularities(reader, {each.name: granularity_seconds for each in instruments}, "live.granularity is")
        last = reader.last_candle()
        newest = reader.last_candle_times(granularity_seconds)
        return Stored(
            {each.name: _read_pair(reader, each, granularity_seconds, newest.get(each.name)) for each in instruments},
            None if last is None else closed_order(last),
        )


def _read_pair(reader: Reader, followed: Instrument, granularity_seconds: int, newest: int | None) -> StoredPair:
    pair = followed.name
    if newest is None:
        return StoredPair()
    first = newest - REMEMBERED_CANDLES * granularity_seconds
    rows = reader.candles_between(pair, granularity_seconds, first, newest + 1)
    require_grid(followed, rows[-1].digits)
    candles = [row.candle for row in rows]
    gaps = reader.gaps(1, pair)
    return StoredPair(candles, gaps[0].to_time if gaps else None)
