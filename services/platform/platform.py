"""All services in one process: SQLite, a bus in memory, the same handlers as in containers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MappingProxyType
from typing import Final, TypeAlias

from services.executor.build import Executor, Outside
from services.executor.work import SERVICE as EXECUTOR
from services.ingest.feed import Arrival, CandleFeed, in_batches
from services.strategy.work import SERVICE as STRATEGY
from services.strategy.work import StrategyWork
from shared.bus.in_process import Handler, InProcessBus
from shared.calendar.economic import EconomicCalendar
from shared.contracts.facts import CANDLE_ASSESSED, CANDLE_CLOSED
from shared.contracts.runs import RunMode
from shared.runtime.consumer import StreamConsumer
from shared.runtime.outgoing import DirectOutgoing
from shared.settings.settings import Settings
from shared.store.port import Reader, Store
from shared.store.schema import RowsDone, SchemaState, check, no_progress, upgrade
from shared.store.sql_store import open_store

BATCH: Final = 500
Upgrading: TypeAlias = Callable[[], AbstractContextManager[RowsDone]]


class Platform:
    """The services of one account, wired to each other and recovered from what is stored."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        mode: RunMode,
        news: EconomicCalendar | None,
        outside: Outside,
        *,
        current_news: Callable[[Reader], EconomicCalendar | None] | None = None,
        listeners: Mapping[str, Handler] = MappingProxyType({}),
        batch: int = BATCH,
    ) -> None:
        """Wire the services and let each handle what an earlier run left behind.

        A live run goes by the `current_news`. `listeners` are handed facts by their type, after they were stored;
        `batch` candles share a commit.
        """
        self._bus = InProcessBus(max_batch=batch)
        self._batch = batch
        outgoing = DirectOutgoing(self._bus)
        partitions = settings.deployment.partitions
        strategies = [
            StreamConsumer(store, outgoing, StrategyWork(settings, mode, news, partition, current_news))
            for partition in range(partitions)
        ]
        self._executor = Executor(store, outgoing, settings, outside)
        for partition, strategy in enumerate(strategies):
            self._bus.subscribe(CANDLE_CLOSED, f"{STRATEGY}.{partition}", strategy.handle)
        self._bus.subscribe(CANDLE_ASSESSED, EXECUTOR, self._executor.consumer.handle)
        for fact, listener in listeners.items():
            self._bus.subscribe(fact, "listener", listener)
        self.feed = CandleFeed(store, outgoing, partitions)
        self.recovered = sum(strategy.catch_up() for strategy in strategies)
        self._bus.drain()
        self.recovered += self._executor.consumer.catch_up()
        self._bus.drain()

    def replay(self, arrivals: Sequence[Arrival], progress: Callable[[int], None]) -> None:
        """Feed candles in order, batch by batch; `progress` is told how many were traded so far."""
        done = 0
        for batch in in_batches(arrivals, self._batch):
            self.feed.add(batch)
            self._bus.drain()
            done += len(batch)
            progress(done)

    def attend(self) -> None:
        """Trade the candles that were stored, and close what new quotes have stopped out or brought to its target."""
        self._bus.drain()
        if self._executor.apply_quotes():
            self._bus.drain()

    def obey(self) -> None:
        """Carry out the commands that wait in the store; to be called again and again."""
        if self._executor.obey():
            self._bus.drain()


def quietly() -> AbstractContextManager[RowsDone]:
    """Tell nobody how far an upgrade is."""
    return nullcontext(no_progress)


@contextmanager
def opened_store(url: str, upgrading: Upgrading = quietly) -> Iterator[Store]:
    """Open the store, making or upgrading its schema first where that is needed.

    What `upgrading` yields is told meanwhile how many rows were rewritten, and of how many.
    """
    if check(url).state in (SchemaState.EMPTY, SchemaState.OLDER):
        with upgrading() as progress:
            upgrade(url, progress)
    store = open_store(url)
    try:
        yield store
    finally:
        store.close()
