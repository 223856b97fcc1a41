"""The executor as a process."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from services.executor.build import Executor, Outside
from services.executor.commands.opened import opened_closes
from services.executor.metrics import ExecutorMetrics, tell_lease, tell_outside
from services.executor.quotes import LiveConditions
from services.executor.work import LEASE, nothing_given
from services.executor.work import SERVICE as EXECUTOR
from shared.anchors.anchoring import anchored
from shared.bus.topology import ASSESSED_QUEUE
from shared.contracts.runs import RunMode
from shared.runtime.commands import age_seconds
from shared.runtime.lease import HeldLease, Policy
from shared.runtime.links import observe, receiver_of, relay_of
from shared.runtime.outgoing import OutboxOutgoing
from shared.runtime.process import ConsumerProcess, Surroundings
from shared.runtime.quotes.board import QuoteBoard
from shared.runtime.quotes.links import received_quotes
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
    around.metrics.show(ExecutorMetrics)
    lease = HeldLease(
        store,
        LEASE,
        holder,
        Policy.STEP_BACK,
        monotonic=around.monotonic,
        observe=partial(tell_lease, around, LEASE),
    )
    board = QuoteBoard()
    with opened_closes(around, settings, store, lease.fence) as closes:
        outside = Outside(
            holder=around.instance,
            clock=around.clock,
            board=board,
            given=LiveConditions(board, settings.live, around.clock) if mode is RunMode.LIVE else nothing_given,
            closes=closes,
            fence=lease.fence,
            crash=around.crash,
            observe=partial(observe, around),
            tell=partial(tell_outside, around),
        )
        executor = Executor(store, OutboxOutgoing(relay.wake), settings, outside)
        obey = _obeying(around, store, executor)

        def between() -> None:
            if lease.leads:
                executor.apply_quotes()
                obey()
            else:
                executor.pass_over_quotes()

        receiver = receiver_of(around, broker_url, ASSESSED_QUEUE)
        process = ConsumerProcess(
            around=around,
            store=store,
            consumer=executor.consumer,
            receiver=receiver,
            relay=relay,
            lease=lease,
            between=between,
        )
        with ExitStack() as stack:
            stack.enter_context(anchored(around, store, settings.runtime, store_url, lambda: lease.leads))
            if mode is RunMode.LIVE:
                stack.enter_context(received_quotes(around, broker_url, board))
            process.run()
    store.close()


def _obeying(around: Surroundings, store: Store, executor: Executor) -> Callable[[], None]:
    """Return a function that carries out the commands which wait, and looks for them twice a second."""
    next_look = [0.0]

    def obey() -> None:
        now = around.monotonic()
        if now < next_look[0]:
            return
        next_look[0] = now + _COMMAND_SECONDS
        _measure_backlog(around, store)
        executor.obey()

    return obey


def _measure_backlog(around: Surroundings, store: Store) -> None:
    with store.reading() as reader:
        waiting, oldest = reader.backlog()
    metrics = around.metrics.of(ExecutorMetrics)
    metrics.commands_pending.set(waiting)
    metrics.oldest_pending.set(0.0 if oldest is None else age_seconds(oldest, around.clock()))
