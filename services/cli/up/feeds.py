"""The feeds of the verb `up`: what each is given, and the loop in which it trades until the process is to stop."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from services.cli.inputs import candle_files, chosen_files, parse_speed, read_candles, read_news
from services.cli.output import note
from services.cli.stored import database_url
from services.cli.telling import tell_events

if TYPE_CHECKING:
    from services.ingest.feed import Arrival
    from services.platform.sole_trader import Trader
    from shared.calendar.economic import EconomicCalendar
    from shared.contracts.runs import RunMode
    from shared.core.columns import CandleSeries
    from shared.runtime.process import Surroundings
    from shared.runtime.quotes.board import QuoteBoard
    from shared.settings.settings import Settings
    from shared.store.port import Store

_START = 1_704_060_000  # Sunday 2023-12-31, 22:00 UTC: the first market week of 2024
_DEMO_PAIRS = "EUR_USD,GBP_USD,USD_JPY"
_DEMO_DATABASE = "data/demo.db"
_DEMO_SEED = 1
_MARKET_SETTING = "demo_market"
_BATCH = 500
_IDLE_SECONDS = 0.2
_PAUSE_SHARE = 0.1
TRADING = "trading"


class Feed(StrEnum):
    """Where the candles come from."""

    DEMO = "demo"
    REPLAY = "replay"
    OANDA = "oanda"


class Given(NamedTuple):
    """What the command line says about the candles."""

    pairs: str | None
    csv: list[str]
    news: Path | None
    granularity: str | None
    skip_bad_rows: bool
    speed: str
    seed: int | None
    candles: int
    once: bool


class Run(NamedTuple):
    """What every feed trades with."""

    around: "Surroundings"
    trader: "Trader"
    settings: "Settings"
    url: str
    as_json: bool


class Source(Protocol):
    """A feed that was chosen, with all that it needs."""

    def prepare(self, run: Run) -> None:
        """Raise InputError where the database holds something else than this feed's; nothing is traded yet."""
        ...

    def trade(self, run: Run) -> int:
        """Trade until the process is to stop, and return how many candles were new."""
        ...


def chosen_feed(feed: Feed, given: Given, settings: "Settings") -> Source:
    """Return the feed with what it is given; raise InputError for what it has no use for, or a file that is wrong."""
    _refuse_useless(feed, given)
    match feed:
        case Feed.DEMO:
            return DemoFeed(_pairs(given.pairs or _DEMO_PAIRS), given.seed, parse_speed(given.speed), given.candles)
        case Feed.REPLAY:
            return _replay_feed(given, settings)
        case Feed.OANDA:
            from services.cli.paper.live import live_pairs
            from services.ingest.live.opened import require_account

            names = live_pairs(given.pairs)
            require_account(settings.runtime)
            return OandaFeed(names)


def place_of(feed: Feed, database: str | None, settings: "Settings") -> str:
    """Return the URL of the database; a made-up market is kept out of everybody else's."""
    return database_url(_DEMO_DATABASE if feed is Feed.DEMO and database is None else database, settings)


class DemoFeed(NamedTuple):
    """A made-up market that never ends."""

    pairs: list[str]
    seed: int | None
    speed: float
    candles: int

    def prepare(self, run: Run) -> None:
        """Keep which market the database holds, or refuse to go on with another one."""
        _remember_market(run, self.seed)
        _remember_run(run, None)

    def trade(self, run: Run) -> int:
        """Trade the candles that are not stored yet."""
        market = _demo_candles(run.trader.store, self.pairs)
        return _PastTrading(run, None, self.speed).trade(market, self.candles)


class ReplayFeed(NamedTuple):
    """Candle files."""

    series: "list[CandleSeries]"
    news: "EconomicCalendar | None"
    speed: float
    candles: int
    once: bool

    def prepare(self, run: Run) -> None:
        """Refuse a database of another market, or with other candles."""
        _refuse_made_up(run.trader.store)
        _remember_run(run, self.news)
        self._unstored(run)

    def trade(self, run: Run) -> int:
        """Trade the candles that are not stored yet, then stay until stopped, unless only once."""
        trading = _PastTrading(run, self.news, self.speed)
        done = trading.trade(self._unstored(run), self.candles)
        if not self.once and not (self.candles and done >= self.candles) and not run.around.stopped():
            note("every candle of the files is traded; stop with Ctrl-C")
            trading.idle()
        return done

    def _unstored(self, run: Run) -> "list[Arrival]":
        from services.ingest.feed import unstored

        with run.trader.store.reading() as reader:
            return unstored(reader, self.series)


class OandaFeed(NamedTuple):
    """OANDA's candles, prices and the week's news; nothing is opened there."""

    pairs: list[str]

    def prepare(self, run: Run) -> None:
        """Refuse a database of another market, or of past candles."""
        from shared.contracts.runs import RunMode

        _refuse_made_up(run.trader.store)
        _remember_run(run, None, RunMode.LIVE)

    def trade(self, run: Run) -> int:
        """Follow the feed."""
        from services.cli.paper.live import shown
        from services.ingest.news.cache import cache_beside
        from services.platform.live import run_paper_live
        from shared.contracts.facts import ACCOUNT_FACTS

        around, (store, fence) = run.around, run.trader
        before, life = _candle_count(store), Life(run)
        with shown(store, self.pairs, run.as_json) as (watch, tell):
            note("live candles, traded on paper, nothing is opened at the broker; stop with Ctrl-C")

            def look(board: "QuoteBoard") -> None:
                around.health.has(TRADING)
                life.tick()
                watch(around, board)

            listeners = dict.fromkeys(ACCOUNT_FACTS, tell)
            cache = cache_beside(run.url)
            run_paper_live(around, store, run.settings, self.pairs, cache, look, listeners, fence)
        return _candle_count(store) - before


class Life:
    """Signs of life of the services that share a process."""

    def __init__(self, run: Run) -> None:
        """Give none yet."""
        from services.executor.work import SERVICE as EXECUTOR
        from services.ingest.feed import SERVICE as INGEST
        from services.strategy.work import SERVICE as STRATEGY

        self._around = run.around
        self._store = run.trader.store
        self._services = (INGEST, STRATEGY, EXECUTOR)
        self._next_beat = 0.0

    def tick(self) -> None:
        """Show that the loop goes round; to be called several times a second."""
        from shared.contracts.errors import InfrastructureError
        from shared.runtime.heartbeat import leave_sign_of_life
        from shared.runtime.process import BEAT_SECONDS

        around = self._around
        around.health.progress()
        now = around.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + BEAT_SECONDS
        try:
            with self._store.transaction() as transaction:
                for service in self._services:
                    leave_sign_of_life(transaction, service, around.instance)
            around.health.has("store")
        except InfrastructureError as fault:
            around.health.waits_for("store", str(fault))


class _PastTrading:
    """The loop of the feeds whose candles are past or made up."""

    def __init__(self, run: Run, news: "EconomicCalendar | None", speed: float) -> None:
        """Wire the platform and let it finish what an earlier run left behind."""
        from services.executor.commands.desk import tell_outside
        from services.platform.platform import Platform
        from shared.contracts.facts import ACCOUNT_FACTS
        from shared.contracts.runs import RunMode

        around, (store, fence) = run.around, run.trader
        listeners = dict.fromkeys(ACCOUNT_FACTS, partial(tell_events, as_json=run.as_json))
        self._around = around
        self._speed = speed
        self._platform = Platform(store, run.settings, RunMode.OFFLINE, news, listeners=listeners, fence=fence)
        self._obey = self._platform.obeying(around.instance, around.clock, tell=partial(tell_outside, around))
        self._life = Life(run)
        around.health.has("start")
        around.health.has(TRADING)
        pace = f"{speed:g} market seconds a second" if speed else "full speed"
        note(f"trading at {pace}; stop with Ctrl-C")

    def trade(self, arrivals: "Iterable[Arrival]", most: int) -> int:
        """Trade candles until there are no more, the process is to stop, or so many are done; 0 has no such end."""
        around, done = self._around, 0
        for batch in self._batches(arrivals, most):
            if around.stopped():
                break
            self._attend()
            began = around.monotonic()
            around.patiently("store", partial(self._platform.replay, batch, lambda _done: None))
            # Without a pause in between, other processes might look for a moment to write in vain.
            around.sleep(_PAUSE_SHARE * (around.monotonic() - began))
            around.metrics.candles.inc(len(batch))
            done += len(batch)
        return done

    def idle(self) -> None:
        """Carry out commands until the process is to stop."""
        while self._nap(_IDLE_SECONDS):
            pass

    def _batches(self, arrivals: "Iterable[Arrival]", most: int) -> "Iterator[list[Arrival]]":
        """Yield what shares a commit: the candles of a moment, or at full speed as many as there may be."""
        from services.ingest.pace import paced

        batch: list[Arrival] = []
        done = 0
        for together in paced(arrivals, self._speed, self._around.monotonic, self._nap):
            batch += together
            enough = 0 < most <= done + len(batch)
            if self._speed or enough or len(batch) >= _BATCH:
                yield batch
                done += len(batch)
                batch = []
            if enough:
                return
        if batch:
            yield batch

    def _nap(self, seconds: float) -> bool:
        self._around.sleep(seconds)
        self._attend()
        return not self._around.stopped()

    def _attend(self) -> None:
        self._life.tick()
        self._around.patiently("store", self._obey)


def _refuse_useless(feed: Feed, given: Given) -> None:
    from shared.contracts.errors import InputError

    useful = {
        "--csv": (given.csv, (Feed.REPLAY,)),
        "--news": (given.news, (Feed.REPLAY,)),
        "--granularity": (given.granularity, (Feed.REPLAY,)),
        "--skip-bad-rows": (given.skip_bad_rows, (Feed.REPLAY,)),
        "--once": (given.once, (Feed.REPLAY,)),
        "--seed": (given.seed is not None, (Feed.DEMO,)),
        "--candles": (given.candles, (Feed.DEMO, Feed.REPLAY)),
    }
    for option, (value, feeds) in useful.items():
        if value and feed not in feeds:
            raise InputError(f"{option} goes with --feed {' or '.join(feeds)}, not with --feed {feed}")


def _pairs(text: str) -> list[str]:
    from shared.contracts.pairs import parse_pair

    return sorted({parse_pair(name.strip()).name for name in text.split(",")})


def _replay_feed(given: Given, settings: "Settings") -> ReplayFeed:
    from shared.contracts.errors import InputError

    if not given.csv:
        raise InputError("there is nothing to replay: give at least one candle file with --csv [PAIR=]FILE")
    files = chosen_files(candle_files(given.csv, None), given.pairs)
    speed, news = parse_speed(given.speed), read_news(given.news)
    reads = read_candles(files, settings, given.granularity, given.skip_bad_rows)
    return ReplayFeed([read.series for read in reads], news, speed, given.candles, given.once)


def _remember_run(run: Run, news: "EconomicCalendar | None", mode: "RunMode | None" = None) -> None:
    from shared.contracts.runs import RunMode
    from shared.runtime.remembered import remember_run
    from shared.runtime.streams import agree_on_partitions

    store, now = run.trader.store, int(run.around.clock())
    remember_run(store, run.settings, news, now, mode or RunMode.OFFLINE)
    agree_on_partitions(store, run.settings.deployment.partitions, now)


def _remember_market(run: Run, seed: int | None) -> None:
    """Keep which market the database holds, and refuse to go on with another one."""
    from shared.contracts.errors import InputError

    with run.trader.store.transaction() as transaction:
        known = transaction.setting(_MARKET_SETTING)
        if known is None and transaction.granularities():
            raise InputError("this database holds candles of another market; use another database with --db")
        if known is None:
            chosen = str(_DEMO_SEED if seed is None else seed)
            transaction.save_setting(_MARKET_SETTING, chosen, int(run.around.clock()))
        elif seed is not None and known.body_json != str(seed):
            raise InputError(
                f"this database holds the made-up market of --seed {known.body_json}; go on with that one, or use "
                "another database with --db"
            )


def _refuse_made_up(store: "Store") -> None:
    from shared.contracts.errors import InputError

    with store.reading() as reader:
        if reader.setting(_MARKET_SETTING) is not None:
            raise InputError("this database holds a made-up market; use another database with --db")


def _demo_candles(store: "Store", pairs: "Sequence[str]") -> "Iterator[Arrival]":
    """Return the candles of the store's made-up market that are not stored yet, in order."""
    from heapq import merge

    from services.ingest.demo.demo_market import DemoMarket
    from services.ingest.feed import Arrival, closed_order
    from shared.core.types import instrument

    with store.reading() as reader:
        known, last = reader.setting(_MARKET_SETTING), reader.last_candle()
    seed = _DEMO_SEED if known is None else int(known.body_json)
    stored = (0, "") if last is None else closed_order(last)

    def stream(pair: str) -> "Iterator[Arrival]":
        market = DemoMarket(instrument(pair), seed, _START)
        return (Arrival(pair, market.granularity_seconds, candle) for candle in market.stream())

    arrivals = merge(*map(stream, pairs), key=lambda arrival: arrival.order)
    return (arrival for arrival in arrivals if arrival.order > stored)


def _candle_count(store: "Store") -> int:
    with store.reading() as reader:
        return reader.candle_count()
