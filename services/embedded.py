"""All services in one process: SQLite, a bus in memory, the same handlers as in containers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from services.executor.commands import CommandDesk, Terms, no_price
from services.executor.desk import AccountDesk
from services.executor.quotes import CurrentPrices, QuoteBoard, apply_quotes
from services.executor.service import SERVICE as EXECUTOR
from services.executor.service import ExecutorWork, nothing_given
from services.executor.settlement import Given
from services.ingest.feed import Arrival, CandleFeed, in_batches
from services.strategy.desk import PairDesk
from services.strategy.service import SERVICE as STRATEGY
from services.strategy.service import StrategyWork
from shared.bus.in_process import InProcessBus
from shared.bus.port import Handler
from shared.calendar.economic import NEVER_STALE, EconomicCalendar, EconomicEvent
from shared.contracts.errors import InputError
from shared.contracts.facts import CANDLE_ASSESSED, CANDLE_CLOSED, CandleAssessed
from shared.runtime.consumer import StreamConsumer
from shared.runtime.outgoing import DirectOutgoing
from shared.runtime.settings import RunMode, Settings
from shared.runtime.streams import EXECUTOR_STREAM
from shared.store.port import Reader, Store
from shared.store.schema import SchemaState, check, upgrade
from shared.store.sql_store import open_store

BATCH: Final = 500
RUN_SETTING: Final = "paper_run"


class Platform:
    """The services of one account, wired to each other and recovered from what is stored."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        mode: RunMode,
        news: EconomicCalendar | None,
        batch: int = BATCH,
        listeners: Mapping[str, Handler] = MappingProxyType({}),
        given: Callable[[CandleAssessed], Given] = nothing_given,
        current_news: Callable[[Reader], EconomicCalendar | None] | None = None,
    ) -> None:
        """Wire the services and let each handle what an earlier run left behind.

        `batch` candles share a commit; `listeners` are handed facts by their type, after they were stored. A live run
        adds to each candle what is `given`, and goes by the `current_news`.
        """
        bus = InProcessBus(max_batch=batch)
        outgoing = DirectOutgoing(bus)
        account = AccountDesk(settings, EXECUTOR_STREAM)
        desks = partial(PairDesk, settings=settings, mode=mode, news=news)
        partitions = settings.deployment.partitions
        strategies = [
            StreamConsumer(store, outgoing, StrategyWork(desks, partition, current_news))
            for partition in range(partitions)
        ]
        self._work = ExecutorWork(account, given)
        executor = self._executor = StreamConsumer(store, outgoing, self._work)
        for partition, strategy in enumerate(strategies):
            bus.subscribe(CANDLE_CLOSED, f"{STRATEGY}.{partition}", strategy.handle)
        bus.subscribe(CANDLE_ASSESSED, EXECUTOR, executor.handle)
        for fact, listener in listeners.items():
            bus.subscribe(fact, "listener", listener)
        self._store = store
        self._settings = settings
        self._bus = bus
        self._batch = batch
        self.feed = CandleFeed(store, outgoing, partitions)
        self.recovered = sum(strategy.catch_up() for strategy in strategies)
        bus.drain()
        self.recovered += executor.catch_up()
        bus.drain()

    def replay(self, arrivals: Sequence[Arrival], progress: Callable[[int], None]) -> None:
        """Feed candles in order, batch by batch; `progress` is told how many were traded so far."""
        done = 0
        for batch in in_batches(arrivals, self._batch):
            self.feed.add(batch)
            self._bus.drain()
            done += len(batch)
            progress(done)

    def attend(self, board: QuoteBoard) -> None:
        """Trade the candles that were stored, and close what new quotes have stopped out or brought to its target."""
        self._bus.drain()
        if apply_quotes(self._executor, self._work, board):
            self._bus.drain()

    def obeying(self, holder: str, clock: Callable[[], float], board: QuoteBoard | None = None) -> Callable[[], None]:
        """Return a function that carries out the commands which wait in the store, at the prices of a board or the last
        closes; it is to be called again and again."""
        settings = self._settings
        prices = no_price if board is None else CurrentPrices(board, settings.live, clock)
        terms = Terms(holder, clock, settings.runtime.live_trading_enabled)
        desk = CommandDesk(self._store, self._executor, self._work, terms, prices)

        def obey() -> None:
            if desk.execute_waiting():
                self._bus.drain()

        return obey


@contextmanager
def opened_store(url: str) -> Iterator[Store]:
    """Open the store, making or upgrading its schema first where that is needed."""
    if check(url).state in (SchemaState.EMPTY, SchemaState.OLDER):
        upgrade(url)
    store = open_store(url)
    try:
        yield store
    finally:
        store.close()


def remember_run(
    store: Store, settings: Settings, news: EconomicCalendar | None, time: int, mode: RunMode = RunMode.OFFLINE
) -> None:
    """Keep what the run is set to, so that it can be replayed; raise InputError where it differs from before."""
    body = _run_json(settings, news, mode)
    with store.transaction() as transaction:
        known = transaction.remember_setting(RUN_SETTING, body, time)
        if _meaning(known.body_json) != _meaning(body):
            raise InputError(
                f"{_difference(known.body_json, body)} differs from what this database was traded with; "
                "restore it, or use another database with --db"
            )


class RememberedRun(NamedTuple):
    """What a database was traded with; a live run's news are in its assessments."""

    settings: Settings
    news: EconomicCalendar | None
    mode: RunMode


def remembered_run(reader: Reader) -> RememberedRun:
    """Return what the database was traded with; raise InputError where it holds no run."""
    known = reader.setting(RUN_SETTING)
    if known is None:
        raise InputError("this database holds no paper run; make one with `scalpbot paper --mode OFFLINE --csv FILE`")
    run = msgspec.json.decode(known.body_json)
    events = run["news"]
    calendar = None if events is None else EconomicCalendar(tuple(EconomicEvent(*each) for each in events), NEVER_STALE)
    return RememberedRun(Settings.model_validate(run["settings"]), calendar, RunMode(run.get("mode", RunMode.OFFLINE)))


def _run_json(settings: Settings, news: EconomicCalendar | None, mode: RunMode) -> str:
    run = {
        **({} if mode is RunMode.OFFLINE else {"mode": mode}),
        "digest": settings.trading_digest(),
        "settings": settings.model_dump(mode="json", exclude={"runtime", "deployment", "live"}),
        "news": None if news is None else [list(event) for event in news.events],
    }
    return msgspec.json.encode(run, order="sorted").decode()


def _meaning(body: str) -> tuple[object, object, object]:
    """Return what decides whether two runs are set alike; written-out defaults do not."""
    run = msgspec.json.decode(body)
    return run["digest"], run["news"], run.get("mode")


def _difference(before: str, after: str) -> str:
    old, new = msgspec.json.decode(before), msgspec.json.decode(after)
    if old.get("mode") != new.get("mode"):
        return f"the mode ({new.get('mode', RunMode.OFFLINE)}, was {old.get('mode', RunMode.OFFLINE)})"
    if old["news"] != new["news"]:
        return "the news calendar"
    was, is_now = _flat(old["settings"]), _flat(new["settings"])
    names = [name for name in was if name in is_now and not _same(was[name], is_now[name])]
    # A table that only one of both writes out comes last: most of what it says may be the default.
    names += sorted(was.keys() ^ is_now.keys())
    if not names:
        return "what the settings come to"
    return f"setting {names[0]} ({is_now.get(names[0])}, was {was.get(names[0])})"


def _same(one: object, other: object) -> bool:
    try:
        return Decimal(str(one)) == Decimal(str(other))
    except InvalidOperation:
        return one == other


def _flat(value: object, name: str = "") -> dict[str, object]:
    if isinstance(value, Mapping):
        parts = (_flat(inner, f"{name}.{key}" if name else str(key)) for key, inner in value.items())
        return {key: inner for part in parts for key, inner in part.items()}
    return {name: value}
