"""The service processes of a simulation: the loops of the product with a simulated clock, store and broker."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random
from typing import Any, Final, NamedTuple, TypeAlias

from services.executor.desk import AccountDesk
from services.executor.work import SERVICE as EXECUTOR
from services.executor.work import ExecutorWork
from services.ingest.feed import SERVICE as INGEST
from services.ingest.feed import Arrival, CandleFeed, unstored
from services.ingest.replay import replay
from services.strategy.work import SERVICE as STRATEGY
from services.strategy.work import StrategyWork
from shared.bus.topology import ASSESSED_QUEUE, candles_queue
from shared.bus.wire import message_of
from shared.contracts.envelope import Message
from shared.contracts.errors import InfrastructureError, LeaseLostError, MessageError
from shared.contracts.runs import RunMode
from shared.core.columns import CandleSeries
from shared.runtime.consumer import StreamConsumer, Work
from shared.runtime.health import Health
from shared.runtime.leading import lead, require_lead
from shared.runtime.lease import LEASE_SECONDS, SHORT_LEASE_SECONDS, HeldLease, Policy
from shared.runtime.metrics import ServiceMetrics
from shared.runtime.outgoing import OutboxOutgoing
from shared.runtime.overview.trading import TRADER_LEASE
from shared.runtime.process import ConsumerProcess, Process
from shared.runtime.relay import Errand, Relay
from shared.runtime.remembered import begin_run
from shared.runtime.retry import patience
from shared.runtime.streams import EXECUTOR_STREAM, agree_on_partitions, assessed_of, candle_stream
from shared.store.port import Store, Transaction
from tests.faults.simulator.broker import Consumer, Held, SimulatedBroker, SimulatedPublisher
from tests.faults.simulator.faults import CRASHED, PASSED_OVER, PAUSED, REPAIRED, STALE_REFUSED, Faults, SimulatedCrash
from tests.faults.simulator.market import SimulatedMarket
from tests.faults.simulator.scheduler import Scheduler, Task
from tests.fixtures.paper import NOON

_POLL_SECONDS: Final = 1.0
_LONGEST_NAP_SECONDS: Final = 2.0
_LONGEST_PAUSE_SECONDS: Final = 40.0
_BATCH: Final = 500
_PATIENCE: Final = 5
_EAGERNESS_AT_EXECUTOR: Final = 3.0
_LARGEST_ARRIVAL: Final = 30
_LONGEST_WAIT_FOR_CANDLES_SECONDS: Final = 1.0


Decode: TypeAlias = Callable[[str, int, bytes], object]


class Shared(NamedTuple):
    """What all processes of a simulation have in common; `remembered` decodes what was decoded before from memory."""

    scheduler: Scheduler
    faults: Faults
    broker: SimulatedBroker
    market: SimulatedMarket
    wiring: "Wiring"
    remembered: Callable[[Decode, str, int, bytes], object]
    violation: Callable[[str], None]


class SimulatedProcess:
    """One life of a service process: its tasks, and what is lost with it."""

    def __init__(self, shared: Shared, service: str, instance: str, store: Store, process: Process) -> None:
        """Start a service; it works when it is given turns."""
        self.shared = shared
        self.service = service
        self.instance = instance
        self.store = store
        self.process = process
        # A strategy is named for its partition, as in `strategy.1#3`.
        self.partition = int(instance.partition("#")[0].partition(".")[2] or 0)
        self.stopping = False
        self.consumers: list[Consumer] = []
        self.tasks: list[Task] = [shared.scheduler.spawn(instance, partial(_SERVICES[service], self))]

    def crash(self, place: str) -> None:
        """End the process here, if it is to end here."""
        shared = self.shared
        # Few candles make facts of the executor, and the faults in front of it keep some from it.
        eagerness = _EAGERNESS_AT_EXECUTOR if self.service == EXECUTOR else 1.0
        if shared.faults.strikes(CRASHED, shared.scheduler.now, place, eagerness):
            raise SimulatedCrash(place)

    def pause(self) -> None:
        """Stand still for a while, if it is to, once the task that works sleeps."""
        faults, now = self.shared.faults, self.shared.scheduler.now
        if faults.strikes(PAUSED, now, self.instance):
            until = now + faults.random.random() * _LONGEST_PAUSE_SECONDS
            for task in self.tasks:
                task.paused_until = until

    def relay(self, errand: Errand) -> "ScheduledRelay":
        """Return the relay of this process's facts."""
        publisher = SimulatedPublisher(self.shared.broker, self.service, self.shared.faults, self.crash)
        return self.shared.wiring.relay(self, publisher, errand)

    def lease(self, name: str) -> HeldLease:
        """Return this life's claim to a lease."""
        seconds = LEASE_SECONDS if self.service == EXECUTOR else SHORT_LEASE_SECONDS
        monotonic = self.process.monotonic
        return HeldLease(self.store, name, self.instance, Policy.STEP_BACK, monotonic=monotonic, seconds=seconds)


def new_process(
    shared: Shared, service: str, instance: str, store: Store, metrics: ServiceMetrics, log: Any
) -> SimulatedProcess:
    """Start one life of a service."""
    scheduler = shared.scheduler
    simulated: SimulatedProcess
    process = Process(
        service,
        instance,
        Health(metrics, scheduler.clock),
        metrics,
        log,
        stopped=lambda: simulated.stopping,
        crash=lambda place: simulated.crash(place),  # noqa: PLW0108  (what is simulated comes after its process)
        clock=lambda: NOON + scheduler.now,
        monotonic=scheduler.clock,
        sleep=scheduler.sleep,
        rng=Random(shared.faults.random.random()),
    )
    simulated = SimulatedProcess(shared, service, instance, store, process)
    return simulated


class ScheduledRelay(Relay):
    """The relay as a task instead of a thread."""

    def __init__(self, simulated: SimulatedProcess, publisher: SimulatedPublisher, errand: Errand) -> None:
        """Send what the process has to send."""
        process = simulated.process
        super().__init__(simulated.store, publisher, errand, process.metrics, process.log, process.crash, process.clock)
        self._simulated = simulated
        self._last_round = False
        self._task: Task | None = None

    def start(self) -> None:
        """Begin with what an earlier process left behind."""
        self._task = self._simulated.shared.scheduler.spawn(
            f"{self._simulated.instance}.relay", self._send_until_stopped
        )
        self._simulated.tasks.append(self._task)

    def wake(self) -> None:
        """Say that there is something to send."""
        if self._task is not None:
            self._simulated.shared.scheduler.wake(self._task)

    def stop(self, seconds: float) -> None:
        """Send what is left if it can be sent in so many seconds."""
        scheduler = self._simulated.shared.scheduler
        until = scheduler.now + seconds
        self._last_round = True
        self.wake()
        while self._task is not None and not self._task.done and scheduler.now < until:
            scheduler.sleep(0.1)

    def _send_until_stopped(self) -> None:
        scheduler, pauses = self._simulated.shared.scheduler, patience(self._simulated.process.rng.random)
        ended = False
        while not ended:
            ended = self._last_round
            nap = _LONGEST_NAP_SECONDS
            try:
                while self.send_once() == _BATCH:
                    pauses.reset()
                pauses.reset()
            except InfrastructureError:
                nap = pauses.next_seconds()
            if not ended:
                scheduler.sleep(nap)


class Wiring(NamedTuple):
    """What stands between the facts and the ledger: the product's own, or a broken one that must be caught."""

    consumer: type[StreamConsumer[Any]] = StreamConsumer
    relay: type[ScheduledRelay] = ScheduledRelay
    fenced: bool = True


class SimulatedReceiver:
    """Takes messages off a queue as the consumer of RabbitMQ does: a batch, its work, its ack."""

    def __init__(self, simulated: SimulatedProcess, queue: str) -> None:
        """Serve one queue."""
        self._simulated = simulated
        self._queue = queue

    def run(
        self,
        handle: Callable[[Sequence[Message]], None],
        decode: Decode,
        *,
        stop: Callable[[], bool],
        tick: Callable[[], None],
    ) -> None:
        """Serve until told to stop; a lost connection is made anew."""
        while not stop():
            consumer = self._connect()
            try:
                self._consume(consumer, handle, decode, stop, tick)
            except InfrastructureError:
                self._sleep(self._simulated.process.rng.random() * 2)
            finally:
                self._simulated.shared.broker.detach(consumer)

    def _connect(self) -> Consumer:
        scheduler = self._simulated.shared.scheduler
        task = scheduler.current()
        consumer = self._simulated.shared.broker.attach(self._queue, lambda: scheduler.wake(task))
        self._simulated.consumers.append(consumer)
        return consumer

    def _consume(
        self,
        consumer: Consumer,
        handle: Callable[[Sequence[Message]], None],
        decode: Decode,
        stop: Callable[[], bool],
        tick: Callable[[], None],
    ) -> None:
        broker, crash, service = self._simulated.shared.broker, self._simulated.crash, self._simulated.service
        while not stop():
            tick()
            taken = broker.take(consumer)
            if not taken:
                self._sleep(_POLL_SECONDS)
                continue
            # A process may be paused, killed or lose its lease with a batch in its hands.
            self._simulated.pause()
            self._sleep(0.0)
            if not self._handled(list(self._read(consumer, taken, decode)), handle, stop):
                return
            crash(f"{service}.before_ack")
            broker.acknowledge(consumer, [held for held in taken if held in consumer.unacked])
            crash(f"{service}.after_ack")

    def _read(self, consumer: Consumer, taken: Sequence[Held], decode: Decode) -> Iterator[Message]:
        known = partial(self._simulated.shared.remembered, decode)
        for held in taken:
            try:
                yield message_of(held.properties, held.body, known)
            except MessageError:
                self._simulated.shared.broker.reject(consumer, held)

    def _handled(
        self, messages: Sequence[Message], handle: Callable[[Sequence[Message]], None], stop: Callable[[], bool]
    ) -> bool:
        pauses = patience(self._simulated.process.rng.random)
        while messages:
            try:
                handle(messages)
            except InfrastructureError:
                self._sleep(pauses.next_seconds())
            else:
                return True
            if stop():
                return False
        return True

    def _sleep(self, seconds: float) -> None:
        self._simulated.shared.scheduler.sleep(seconds)


def _run_ingest(simulated: SimulatedProcess) -> None:
    process, store, shared = simulated.process, simulated.store, simulated.shared
    process.retry_until_available(
        "store", partial(agree_on_partitions, store, shared.market.settings.deployment.partitions, NOON)
    )
    lease = simulated.lease(INGEST)
    relay = simulated.relay(Errand(INGEST, is_ours=lease.holds))
    relay.start()
    partitions = shared.market.settings.deployment.partitions
    feed = CandleFeed(store, OutboxOutgoing(relay.wake), partitions, process.crash, lease.fence)

    def work() -> None:
        arrivals: list[Arrival] = (
            process.retry_until_available("store", partial(_unstored, store, shared.market.series)) or []
        )
        while arrivals and not process.stopped():
            size = process.rng.randint(1, _LARGEST_ARRIVAL)
            replay(process, store, feed, arrivals[:size], 0.0)
            arrivals = arrivals[size:]
            lease.keep()
            process.sleep(process.rng.random() * _LONGEST_WAIT_FOR_CANDLES_SECONDS)
        while not process.stopped():
            lease.keep()
            require_lead(lease)
            process.sleep(_POLL_SECONDS)

    lead(process, lease, work)
    relay.stop(_LONGEST_NAP_SECONDS)
    lease.release()


def _unstored(store: Store, series: Sequence[CandleSeries]) -> list[Arrival]:
    with store.reading() as reader:
        return unstored(reader, series)


def _run_strategy(simulated: SimulatedProcess) -> None:
    process, store, settings = simulated.process, simulated.store, simulated.shared.market.settings
    process.retry_until_available("store", partial(begin_run, store, settings, None, RunMode.OFFLINE, NOON))
    work = StrategyWork(settings, RunMode.OFFLINE, None, simulated.partition)
    lease = simulated.lease(f"{STRATEGY}.{simulated.partition}")
    stream = assessed_of(candle_stream(simulated.partition))
    _consume_as(simulated, work, candles_queue(simulated.partition), lease.fence, lease, stream)


def _run_executor(simulated: SimulatedProcess) -> None:
    shared = simulated.shared
    lease = simulated.lease(TRADER_LEASE)

    def fence(transaction: Transaction) -> None:
        try:
            if shared.wiring.fenced:
                lease.fence(transaction)
        except LeaseLostError:
            shared.faults.counts[STALE_REFUSED] += 1
            raise
        stored = transaction.lease(TRADER_LEASE)
        if stored is None or stored.holder != simulated.instance or stored.seconds_left <= 0:
            shared.violation(f"{simulated.instance} writes without holding the lease")

    work = ExecutorWork(AccountDesk(shared.market.settings, EXECUTOR_STREAM))
    several = shared.market.settings.deployment.partitions > 1
    _consume_as(simulated, work, ASSESSED_QUEUE, fence, lease, patience=_PATIENCE if several else 0)


def _consume_as(
    simulated: SimulatedProcess,
    work: Work[Any],
    queue: str,
    fence: Callable[[Transaction], None],
    lease: HeldLease,
    stream: str | None = None,
    patience: int = 0,
) -> None:
    process, counts = simulated.process, simulated.shared.faults.counts
    relay = simulated.relay(Errand(simulated.service, stream, lease.holds))

    def observe(announced: int, handled: int) -> None:
        counts[PASSED_OVER] += announced > handled
        counts[REPAIRED] += handled > announced

    consumer = simulated.shared.wiring.consumer(
        simulated.store,
        OutboxOutgoing(relay.wake),
        work,
        fence=fence,
        crash=process.crash,
        observe=observe,
        patience=patience,
        refuted=lambda false: simulated.shared.violation(f"{simulated.instance} was told {false} facts not as stored"),
    )
    ConsumerProcess(process, simulated.store, consumer, SimulatedReceiver(simulated, queue), relay, lease).run()


_SERVICES: Final[dict[str, Callable[[SimulatedProcess], None]]] = {
    INGEST: _run_ingest,
    STRATEGY: _run_strategy,
    EXECUTOR: _run_executor,
}
