"""All services in one process: SQLite, a bus in memory, the same handlers as in containers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from services.executor.commands.broker_closes import BrokerCloses
from services.executor.commands.desk import CommandDesk, Terms, no_price, tell_nobody
from services.executor.desk import AccountDesk
from services.executor.quotes import CurrentPrices, apply_quotes
from services.executor.settlement import Given
from services.executor.work import SERVICE as EXECUTOR
from services.executor.work import ExecutorWork, nothing_given
from services.ingest.feed import Arrival, CandleFeed, in_batches
from services.strategy.work import SERVICE as STRATEGY
from services.strategy.work import StrategyWork
from shared.bus.in_process import InProcessBus
from shared.bus.port import Handler
from shared.calendar.economic import EconomicCalendar
from shared.contracts.facts import CANDLE_ASSESSED, CANDLE_CLOSED, CandleAssessed
from shared.contracts.runs import RunMode
from shared.runtime.consumer import StreamConsumer, no_fence
from shared.runtime.outgoing import DirectOutgoing
from shared.runtime.quotes.board import QuoteBoard
from shared.runtime.streams import EXECUTOR_STREAM
from shared.settings.settings import Settings
from shared.store.port import Reader, Store, Transaction
from shared.store.rows.commands import CommandRow
from shared.store.schema import SchemaState, check, upgrade
from shared.store.sql_store import open_store

BATCH: Final = 500


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
        fence: Callable[[Transaction], None] = no_fence,
    ) -> None:
        """Wire the services and let each handle what an earlier run left behind.

        `batch` candles share a commit; `listeners` are handed facts by their type, after they were stored. A live run
        adds to each candle what is `given`, and goes by the `current_news`. `fence` raises where this process may not
        write to the ledger (any more).
        """
        bus = InProcessBus(max_batch=batch)
        outgoing = DirectOutgoing(bus)
        account = AccountDesk(settings, EXECUTOR_STREAM)
        partitions = settings.deployment.partitions
        strategies = [
            StreamConsumer(store, outgoing, StrategyWork(settings, mode, news, partition, current_news))
            for partition in range(partitions)
        ]
        self._work = ExecutorWork(account, given)
        executor = self._executor = StreamConsumer(store, outgoing, self._work, fence)
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

    def obeying(
        self,
        holder: str,
        clock: Callable[[], float],
        board: QuoteBoard | None = None,
        closes: BrokerCloses | None = None,
        tell: Callable[[CommandRow], None] = tell_nobody,
    ) -> Callable[[], None]:
        """Return a function that carries out the commands which wait in the store, at the prices of a board or the last
        closes, and at the broker by `closes`; it is to be called again and again, and tells of each that ended."""
        settings = self._settings
        prices = no_price if board is None else CurrentPrices(board, settings.live, clock)
        terms = Terms(holder, clock, settings.runtime.live_trading_enabled, closes)
        desk = CommandDesk(self._store, self._executor, self._work, terms, prices)

        def obey() -> None:
            ended = desk.execute_waiting()
            for row in ended:
                tell(row)
            if ended:
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
