"""The executor as a process."""

from collections.abc import Callable
from functools import partial

from services.executor.commands.desk import CommandDesk, Terms, tell_outside
from services.executor.commands.opened import opened_closes
from services.executor.desk import AccountDesk
from services.executor.quotes import CurrentPrices, LiveConditions, apply_quotes
from services.executor.work import LEASE, ExecutorWork, nothing_given
from services.executor.work import SERVICE as EXECUTOR
from shared.anchors.anchoring import anchored
from shared.bus.topology import ASSESSED_QUEUE
from shared.contracts.runs import RunMode
from shared.runtime.commands import age_seconds
from shared.runtime.consumer import StreamConsumer
from shared.runtime.leadership import Leadership
from shared.runtime.links import observe, receiver_of, relay_of
from shared.runtime.outgoing import OutboxOutgoing
from shared.runtime.process import ConsumerProcess, Surroundings
from shared.runtime.quotes.board import QuoteBoard
from shared.runtime.quotes.links import received_quotes
from shared.runtime.streams import EXECUTOR_STREAM
from shared.settings.settings import Settings
from shared.store.port import Store
from shared.store.sql_store import open_store

_COMMAND_SECONDS = 0.5


def run_executor(around: Surroundings, settings: Settings, mode: RunMode, store_url: str, broker_url: str) -> None:
    """Keep the ledger while this process leads, and stand by while another does, until it is to stop."""
    store = around.patiently("store", partial(open_store, store_url))
    if store is None:
        return
    relay = relay_of(around, store, EXECUTOR, broker_url)
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
        observe=partial(observe, around),
    )
    receiver = receiver_of(around, broker_url, ASSESSED_QUEUE)

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
