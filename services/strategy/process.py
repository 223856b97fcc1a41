"""The strategy as a process."""

from functools import partial

from services.strategy.news import NewsDesk
from services.strategy.work import SERVICE as STRATEGY
from services.strategy.work import StrategyWork
from shared.bus.topology import candles_queue
from shared.calendar.economic import EconomicCalendar
from shared.contracts.runs import RunMode
from shared.runtime.consumer import StreamConsumer
from shared.runtime.leading import lease_of
from shared.runtime.links import observe, receiver_of, refuted, relay_of
from shared.runtime.outgoing import OutboxOutgoing
from shared.runtime.process import ConsumerProcess, Process
from shared.runtime.relay import Errand
from shared.runtime.remembered import begin_run
from shared.runtime.streams import assessed_of, candle_stream
from shared.settings.settings import Settings
from shared.store.sql_store import open_store


def run_strategy(
    process: Process,
    settings: Settings,
    mode: RunMode,
    news: EconomicCalendar | None,
    partition: int,
    store_url: str,
    broker_url: str,
) -> None:
    """Assess a partition's closed candles while this process leads it; in a live run by the news in the store."""
    store = process.retry_until_available("store", partial(open_store, store_url))
    if store is None:
        return
    process.retry_until_available("store", partial(begin_run, store, settings, news, mode, int(process.clock())))
    # Two processes of one partition would both send what either of them says.
    lease = lease_of(process, store, f"{STRATEGY}.{partition}")
    errand = Errand(STRATEGY, assessed_of(candle_stream(partition)), lease.holds)
    relay = relay_of(process, store, errand, broker_url)
    current_news = NewsDesk(monotonic=process.monotonic) if mode is RunMode.LIVE else None
    work = StrategyWork(settings=settings, mode=mode, news=news, partition=partition, current_news=current_news)
    consumer = StreamConsumer(
        store,
        OutboxOutgoing(relay.wake),
        work,
        fence=lease.fence,
        crash=process.crash,
        observe=partial(observe, process),
        refuted=partial(refuted, process),
    )
    receiver = receiver_of(process, broker_url, candles_queue(partition))
    ConsumerProcess(process=process, store=store, consumer=consumer, receiver=receiver, relay=relay, lease=lease).run()
    store.close()
