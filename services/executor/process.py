"""The executor as a process."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from services.executor.build import Executor, Outside
from services.executor.commands.opened import opened_closes
from services.executor.metrics import CommandMetrics, ExecutorMetrics, tell_hold_outside, tell_outside
from services.executor.quotes import live_conditions
from services.executor.restored import hold_where_restored
from services.executor.work import SERVICE as EXECUTOR
from services.executor.work import nothing_given
from shared.anchors.anchoring import anchored
from shared.bus.topology import ASSESSED_QUEUE
from shared.contracts.runs import RunMode
from shared.runtime.commands import age_seconds
from shared.runtime.leading import lease_of
from shared.runtime.lease import LEASE_SECONDS
from shared.runtime.links import observe, receiver_of, refuted, relay_of
from shared.runtime.outgoing import OutboxOutgoing
from shared.runtime.overview.trading import TRADER_LEASE
from shared.runtime.process import ConsumerProcess, Process
from shared.runtime.quotes.board import QuoteBoard
from shared.runtime.quotes.links import received_quotes
from shared.runtime.relay import Errand
from shared.settings.settings import Settings
from shared.store.port import Store
from shared.store.sql_store import open_store

_COMMAND_SECONDS = 0.5


def run_executor(process: Process, settings: Settings, mode: RunMode, store_url: str, broker_url: str) -> None:
    """Keep the ledger while this process leads, and stand by while another does, until it is to stop."""
    store = process.retry_until_available("store", partial(open_store, store_url))
    if store is None:
        return
    process.metrics.show(CommandMetrics)
    process.metrics.show(ExecutorMetrics)
    lease = lease_of(process, store, TRADER_LEASE, LEASE_SECONDS)
    relay = relay_of(process, store, Errand(EXECUTOR, is_ours=lease.holds), broker_url)
    board = QuoteBoard(process.monotonic)
    live = partial(live_conditions, board, settings.live, process.clock)
    with opened_closes(process, settings, store, lease.fence) as closes:
        outside = Outside(
            holder=process.instance,
            clock=process.clock,
            board=board,
            given=live if mode is RunMode.LIVE else nothing_given,
            closes=closes,
            fence=lease.fence,
            crash=process.crash,
            observe=partial(observe, process),
            refuted=partial(refuted, process),
            tell=partial(tell_outside, process),
            tell_hold=partial(tell_hold_outside, process),
        )
        executor = Executor(store, OutboxOutgoing(relay.wake), settings, outside)
        obey = _obeying(process, store, executor)

        def between() -> None:
            if lease.leads:
                executor.apply_quotes()
                obey()
            else:
                executor.pass_over_quotes()

        receiver = receiver_of(process, broker_url, ASSESSED_QUEUE)
        hold = partial(hold_where_restored, process, store, settings.runtime, store_url, lease.fence)
        loop = ConsumerProcess(
            process=process,
            store=store,
            consumer=executor.consumer,
            receiver=receiver,
            relay=relay,
            lease=lease,
            between=between,
            prepare=hold,
        )
        with ExitStack() as stack:
            stack.enter_context(
                anchored(process, store, settings.runtime, store_url, lambda: lease.leads, misfits=hold)
            )
            if mode is RunMode.LIVE:
                stack.enter_context(received_quotes(process, broker_url, board))
            loop.run()
    store.close()


def _obeying(process: Process, store: Store, executor: Executor) -> Callable[[], None]:
    """Return a function that carries out the commands which wait, and looks for them twice a second."""
    next_look = [0.0]

    def obey() -> None:
        now = process.monotonic()
        if now < next_look[0]:
            return
        next_look[0] = now + _COMMAND_SECONDS
        _measure_backlog(process, store)
        executor.obey()

    return obey


def _measure_backlog(process: Process, store: Store) -> None:
    with store.reading() as reader:
        waiting, oldest = reader.backlog()
    metrics = process.metrics.of(ExecutorMetrics)
    metrics.commands_pending.set(waiting)
    metrics.oldest_pending.set(0.0 if oldest is None else age_seconds(oldest, process.clock()))
