"""The services as processes of their own, over a broker and a database."""

from collections.abc import Callable, Sequence
from functools import partial

from services.executor.commands import CommandDesk, Terms, tell_outside
from services.executor.desk import AccountDesk
from services.executor.quotes import CurrentPrices, LiveConditions, QuoteBoard, apply_quotes
from services.executor.service import LEASE, ExecutorWork, nothing_given
from services.executor.service import SERVICE as EXECUTOR
from services.ingest.calendar_cache import cache_beside
from services.ingest.feed import SERVICE as INGEST
from services.ingest.feed import Arrival, CandleFeed, unstored
from services.ingest.live_feed import follow
from services.ingest.replay import replay
from services.live import fed, opened_live
from services.live_closes import opened_closes
from services.quote_links import received_quotes, sent_quotes
from services.strategy.news import NewsDesk
from services.strategy.service import SERVICE as STRATEGY
from services.strategy.service import StrategyWork
from shared.bus.backoff import Backoff
from shared.bus.rabbitmq_consumer import RabbitConsumer
from shared.bus.rabbitmq_publisher import RabbitPublisher
from shared.bus.topology import ASSESSED_QUEUE, candles_queue, topology
from shared.calendar.economic import EconomicCalendar
from shared.core.types import CandleSeries
from shared.runtime.anchors import anchored
from shared.runtime.commands import age_seconds
from shared.runtime.consumer import StreamConsumer
from shared.runtime.leadership import Leadership
from shared.runtime.outgoing import OutboxOutgoing
from shared.runtime.process import ConsumerProcess, ReceiverLog, Surroundings
from shared.runtime.relay import Relay
from shared.runtime.remembered import remember_run
from shared.runtime.settings import RunMode, Settings
from shared.runtime.streams import EXECUTOR_STREAM, agree_on_partitions
from shared.store.port import Store
from shared.store.sql_store import open_store

_PREFETCH = 200
_IDLE_SECONDS = 0.2
_LONGEST_RECONNECT_SECONDS = 5.0
_DRAIN_SECONDS = 5.0
_COMMAND_SECONDS = 0.5


def run_strategy(
    around: Surroundings,
    settings: Settings,
    mode: RunMode,
    news: EconomicCalendar | None,
    partition: int,
    store_url: str,
    broker_url: str,
) -> None:
    """Assess a partition's closed candles until the process is to stop; in a live run by the news in the store."""
    store = around.patiently("store", partial(open_store, store_url))
    if store is None:
        return
    around.patiently("store", partial(remember_run, store, settings, news, int(around.clock()), mode))
    relay = _relay(around, store, STRATEGY, broker_url)
    current_news = NewsDesk(monotonic=around.monotonic) if mode is RunMode.LIVE else None
    work = StrategyWork(settings, mode, news, partition, current_news)
    consumer = StreamConsumer(
        store,
        OutboxOutgoing(relay.wake),
        work,
        crash=around.crash,
        observe=partial(_observe, around),
    )
    receiver = _receiver(around, broker_url, candles_queue(partition))
    ConsumerProcess(around, store, consumer, receiver, relay).run()
    store.close()


def run_executor(around: Surroundings, settings: Settings, mode: RunMode, store_url: str, broker_url: str) -> None:
    """Keep the ledger while this process leads, and stand by while another does, until it is to stop."""
    store = around.patiently("store", partial(open_store, store_url))
    if store is None:
        return
    relay = _relay(around, store, EXECUTOR, broker_url)
    # A process started anew must not be taken for the one before it, which may only be paused.
    holder = f"{around.instance}/{around.chance.getrandbits(64):016x}"
    leadership = Leadership(store, LEASE, holder, around.metrics, around.log, around.monotonic)
    board = QuoteBoard()
    given = LiveConditions(board, settings.live, around.clock) if mode is RunMode.LIVE else nothing_given
    work = ExecutorWork(AccountDesk(settings, EXECUTOR_STREAM), given)
    consumer = StreamConsumer(
        store,
        OutboxOutgoing(relay.wake),
        work,
        fence=leadership.fence,
        crash=around.crash,
        observe=partial(_observe, around),
    )
    receiver = _receiver(around, broker_url, ASSESSED_QUEUE)

    prices = CurrentPrices(board, settings.live, around.clock)
    with opened_closes(around, settings, store, leadership.fence) as closes:
        terms = Terms(around.instance, around.clock, settings.runtime.live_trading_enabled, closes)
        obey = _obeying(around, store, CommandDesk(store, consumer, work, terms, prices, around.crash))

        def between() -> None:
            if leadership.leads:
                apply_quotes(consumer, work, board)
                obey()
            else:
                board.take()

        process = ConsumerProcess(around, store, consumer, receiver, relay, leadership, between)
        with anchored(around, store, settings.runtime, store_url, lambda: leadership.leads):
            if mode is RunMode.LIVE:
                with received_quotes(around, broker_url, board):
                    process.run()
            else:
                process.run()
    store.close()


def _obeying(around: Surroundings, store: Store, desk: CommandDesk) -> Callable[[], None]:
    """Return a function that carries out the commands which wait, and looks for them twice a second."""
    next_look = [0.0]

    def obey() -> None:
        now = around.monotonic()
        if now < next_look[0]:
            return
        next_look[0] = now + _COMMAND_SECONDS
        _measure_backlog(around, store)
        for row in desk.execute_waiting():
            tell_outside(around, row)

    return obey


def _measure_backlog(around: Surroundings, store: Store) -> None:
    with store.reading() as reader:
        waiting, oldest = reader.backlog()
    around.metrics.commands_pending.set(waiting)
    around.metrics.oldest_pending.set(0.0 if oldest is None else age_seconds(oldest, around.clock()))


def run_ingest(
    around: Surroundings,
    series: Sequence[CandleSeries],
    partitions: int,
    speed: float,
    once: bool,
    store_url: str,
    broker_url: str,
) -> None:
    """Bring the candles of some series into the platform, then stay until the process is to stop, unless only once."""
    store = around.patiently("store", partial(open_store, store_url))
    if store is None:
        return
    around.patiently("store", partial(agree_on_partitions, store, partitions, int(around.clock())))
    relay = _relay(around, store, INGEST, broker_url, partitions)
    relay.start()
    around.health.has("start")
    feed = CandleFeed(store, OutboxOutgoing(relay.wake), partitions, around.crash)
    arrivals = around.patiently("store", partial(_unstored, store, series)) or []
    around.log.info("replay begins", candles=len(arrivals), speed=speed)
    done = replay(around, store, feed, arrivals, speed)
    around.log.info("replay ends", candles=done)
    while not around.stopped() and not once:
        around.health.progress()
        relay.check()
        around.sleep(_IDLE_SECONDS)
    relay.stop(_DRAIN_SECONDS)
    store.close()


def run_ingest_live(
    around: Surroundings, settings: Settings, pairs: Sequence[str], store_url: str, broker_url: str
) -> None:
    """Bring OANDA's candles, prices and the week's news into the platform until the process is to stop."""
    store = around.patiently("store", partial(open_store, store_url))
    if store is None:
        return
    partitions = settings.deployment.partitions
    around.patiently("store", partial(agree_on_partitions, store, partitions, int(around.clock())))
    relay = _relay(around, store, INGEST, broker_url, partitions)
    relay.start()
    around.health.has("start")
    feed = CandleFeed(store, OutboxOutgoing(relay.wake), partitions, around.crash)
    board = QuoteBoard()
    with (
        opened_live(around, settings, pairs) as live,
        fed(around, store, settings, live, board.put, cache_beside(store_url)) as prices,
        sent_quotes(around, broker_url, board),
    ):

        def idle() -> None:
            relay.check()
            prices.check()

        follow(around, store, feed, live.source, pairs, settings.live, idle)
    relay.stop(_DRAIN_SECONDS)
    store.close()


def _unstored(store: Store, series: Sequence[CandleSeries]) -> list[Arrival]:
    with store.reading() as reader:
        return unstored(reader, series)


def _relay(around: Surroundings, store: Store, producer: str, broker_url: str, partitions: int = 1) -> Relay:
    publisher = RabbitPublisher(broker_url, topology(partitions), f"{around.instance}.relay")
    return Relay(store, publisher, producer, around.metrics, around.log, around.crash, around.clock)


def _receiver(around: Surroundings, broker_url: str, queue: str) -> RabbitConsumer:
    chance = around.chance.random
    return RabbitConsumer(
        broker_url,
        queue,
        _PREFETCH,
        around.instance,
        backoff=Backoff(0.5, _LONGEST_RECONNECT_SECONDS, chance),
        random=chance,
        observer=ReceiverLog(around),
    )


def _observe(around: Surroundings, announced: int, handled: int) -> None:
    metrics = around.metrics
    metrics.facts.inc(handled)
    if announced > handled:
        metrics.duplicates.inc(announced - handled)
    elif handled > announced:
        metrics.repairs.inc()
