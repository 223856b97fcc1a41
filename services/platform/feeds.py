"""The feeds on which the whole platform trades in one process: a made-up market, candle files, or OANDA."""

from collections.abc import Iterator, Sequence
from heapq import merge
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from services.ingest.demo.market import DemoMarket
from services.ingest.feed import Arrival, closed_order, unstored
from services.platform.live import run_paper_live
from services.platform.trading import TRADING, Audience, Heartbeats, PastTrading, Run
from shared.calendar.economic import EconomicCalendar
from shared.contracts.errors import InputError
from shared.contracts.runs import RunMode
from shared.core.columns import CandleSeries
from shared.runtime.quotes.board import QuoteBoard
from shared.runtime.remembered import begin_run
from shared.settings.settings import Settings
from shared.store.port import Store

_START: Final = 1_704_060_000  # Sunday 2023-12-31, 22:00 UTC: the first market week of 2024
_DEMO_SEED: Final = 1
_MARKET_SETTING: Final = "demo_market"


class TradedFeed(Protocol):
    """A feed that was chosen, with all that it needs."""

    @property
    def pairs(self) -> Sequence[str]:
        """Return the pairs that it trades."""
        ...

    def prepare(self, run: Run) -> None:
        """Raise InputError where the database holds something else than this feed's; nothing is traded yet."""
        ...

    def trade(self, run: Run, audience: Audience) -> int:
        """Trade until the process is to stop, and return how many candles were new."""
        ...


class DemoFeed(NamedTuple):
    """A made-up market that never ends; `speed` in market seconds a second, 0 as fast as possible."""

    pairs: Sequence[str]
    seed: int | None
    speed: float
    candles: int

    def prepare(self, run: Run) -> None:
        """Keep which market the database holds, or refuse to go on with another one."""
        _remember_market(run, self.seed)
        begin_run(run.trader.store, run.settings, None, RunMode.OFFLINE, int(run.process.clock()))

    def trade(self, run: Run, audience: Audience) -> int:
        """Trade the candles that are not stored yet."""
        market = _demo_candles(run.trader.store, run.settings, self.pairs)
        return PastTrading(run, audience, None, self.speed).trade(market, self.candles)


class ReplayFeed(NamedTuple):
    """Candle files; `speed` in market seconds a second, 0 as fast as possible."""

    series: Sequence[CandleSeries]
    news: EconomicCalendar | None
    speed: float
    candles: int
    once: bool

    @property
    def pairs(self) -> list[str]:
        """Return the pairs of the files."""
        return [each.instrument.name for each in self.series]

    def prepare(self, run: Run) -> None:
        """Refuse a database of another market, or with other candles."""
        _refuse_made_up(run.trader.store)
        begin_run(run.trader.store, run.settings, self.news, RunMode.OFFLINE, int(run.process.clock()))
        self._unstored(run)

    def trade(self, run: Run, audience: Audience) -> int:
        """Trade the candles that are not stored yet, then stay until stopped, unless only once."""
        trading = PastTrading(run, audience, self.news, self.speed)
        done = trading.trade(self._unstored(run), self.candles)
        if not self.once and not (self.candles and done >= self.candles) and not run.process.stopped():
            audience.note("every candle of the files is traded; stop with Ctrl-C")
            trading.idle()
        return done

    def _unstored(self, run: Run) -> list[Arrival]:
        with run.trader.store.reading() as reader:
            return unstored(reader, self.series)


class OandaFeed(NamedTuple):
    """OANDA's candles, prices and the week's news; nothing is opened there."""

    pairs: Sequence[str]
    news_cache: Path | None

    def prepare(self, run: Run) -> None:
        """Refuse a database of another market, or of past candles."""
        _refuse_made_up(run.trader.store)
        begin_run(run.trader.store, run.settings, None, RunMode.LIVE, int(run.process.clock()))

    def trade(self, run: Run, audience: Audience) -> int:
        """Follow the feed."""
        process, store = run.process, run.trader.store
        before, heartbeats = _candle_count(store), Heartbeats(process, store)

        def watch(board: QuoteBoard) -> None:
            process.health.has(TRADING)
            heartbeats.tick()
            audience.watch(board)

        run_paper_live(run, self.pairs, self.news_cache, audience._replace(watch=watch))
        return _candle_count(store) - before


def _remember_market(run: Run, seed: int | None) -> None:
    """Keep which market the database holds, and refuse to go on with another one."""
    with run.trader.store.transaction() as transaction:
        known = transaction.setting(_MARKET_SETTING)
        if known is None and transaction.granularities():
            raise InputError("this database holds candles of another market; use another database with --db")
        if known is None:
            chosen = str(_DEMO_SEED if seed is None else seed)
            transaction.save_setting(_MARKET_SETTING, chosen, int(run.process.clock()))
        elif seed is not None and known.body_json != str(seed):
            raise InputError(
                f"this database holds the made-up market of --seed {known.body_json}; continue with that one, or use "
                "another database with --db"
            )


def _refuse_made_up(store: Store) -> None:
    with store.reading() as reader:
        if reader.setting(_MARKET_SETTING) is not None:
            raise InputError("this database holds a made-up market; use another database with --db")


def _demo_candles(store: Store, settings: Settings, pairs: Sequence[str]) -> Iterator[Arrival]:
    """Return the candles of the store's made-up market that are not stored yet, in order."""
    with store.reading() as reader:
        known, last = reader.setting(_MARKET_SETTING), reader.last_candle()
    seed = _DEMO_SEED if known is None else int(known.body_json)
    stored = (0, "") if last is None else closed_order(last)

    def stream(pair: str) -> Iterator[Arrival]:
        traded = settings.pair(pair).instrument
        market = DemoMarket(traded, seed, _START)
        step = market.granularity_seconds
        return (
            Arrival(pair=pair, granularity_seconds=step, digits=traded.digits, candle=candle)
            for candle in market.stream(stored[0] - step)
        )

    arrivals = merge(*map(stream, pairs), key=lambda arrival: arrival.order)
    return (arrival for arrival in arrivals if arrival.order > stored)


def _candle_count(store: Store) -> int:
    with store.reading() as reader:
        return reader.candle_count()
