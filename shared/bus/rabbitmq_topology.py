"""Making the topology on a broker, proving that it works, and telling how it differs from what it should be."""

from collections import deque
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from time import monotonic, sleep
from typing import Final, NamedTuple, TypeVar

from pika import spec

from shared.bus.backoff import Backoff
from shared.bus.rabbitmq_connection import BrokerConnection, connected
from shared.bus.rabbitmq_faults import INTERNAL_ERROR, NOT_FOUND, PRECONDITION_FAILED, refusal
from shared.bus.rabbitmq_publisher import ConfirmedChannel, UnroutableError
from shared.bus.rabbitmq_requests import (
    Delivery,
    acknowledge,
    bind,
    consume,
    declare_exchange,
    declare_queue,
    delete_queue,
    look_for_queue,
    make_sure_acknowledged,
)
from shared.bus.topology import Queue, Topology
from shared.bus.wire import CANARY
from shared.contracts.errors import InfrastructureError, InputError

_CANARY_SECONDS: Final = 5.0
# A queue that was just started has a leader within a few seconds; one that has none for longer gets none any more.
_LEADERLESS_SECONDS: Final = 15.0

_Request = Callable[[BrokerConnection], object]
_Result = TypeVar("_Result")


class QueueState(StrEnum):
    """What became of a queue: it works, or it did not and was made anew."""

    WORKS = "works"
    RECREATED = "recreated"


class QueueReport(NamedTuple):
    """A queue that was proven to work, and how many messages and consumers it has."""

    queue: str
    state: QueueState
    messages: int
    consumers: int


class NoLeaderError(InfrastructureError):
    """A queue does not do its work although the broker does; declare it anew."""


class TopologyJob:
    """Declare or check a topology on the broker at an address."""

    def __init__(self, url: str, topology: Topology, name: str) -> None:
        """Connect as `name`, once there is something to do."""
        self._url = url
        self._topology = topology
        self._name = name

    def declare(
        self, seconds: float, backoff: Backoff, waiting: Callable[[str], None], recreate: bool = True
    ) -> list[QueueReport]:
        """Make what is missing and prove every queue, waiting for the broker for so many seconds at most.

        A queue that stays without a leader is made anew, if `recreate` says so: what it held is lost already, and is
        sent again or found in the store. `waiting` is told what keeps it. Raises InfrastructureError when time is up
        and InputError where something exists with other properties.
        """
        deadline = monotonic() + seconds
        insist = partial(_insist, backoff, waiting, deadline)
        insist(self.make)
        return [insist(_Trial(self, queue, waiting, recreate).attempt) for queue in self._topology.queues]

    def differences(self) -> list[str]:
        """Return in a sentence each what is missing, has other properties or does not work."""
        found = []
        for exchange in self._topology.exchanges:
            declare = partial(declare_exchange, exchange=exchange.name, kind=exchange.type)
            found += self._difference(f"exchange {exchange.name}", partial(declare, passive=True), declare)
        for queue in self._topology.queues:
            found += self._difference(
                f"queue {queue.name}",
                partial(look_for_queue, queue=queue.name),
                partial(declare_queue, queue=queue.name, arguments=queue.arguments),
            ) or self._defect(queue)
        return found

    def make(self) -> None:
        """Declare everything."""
        with connected(self._url, self._name) as connection:
            for exchange in self._topology.exchanges:
                declare_exchange(connection, *exchange)
            for queue in self._topology.queues:
                declare_queue(connection, queue.name, queue.arguments)
            for binding in self._topology.bindings:
                bind(connection, binding.queue, binding.exchange, binding.routing_key)

    def delete(self, queue: Queue) -> None:
        """Delete a queue with everything in it."""
        with connected(self._url, self._name) as connection:
            delete_queue(connection, queue.name)

    def proven(self, queue: Queue) -> QueueReport:
        """Send a message through a queue; raises NoLeaderError where all but the queue works."""
        messages = 0
        with connected(self._url, self._name) as connection:
            try:
                counts = look_for_queue(connection, queue.name)
                messages = counts.messages
                # Where messages are counted there is a leader; among dead letters a canary would only be in the way.
                if queue.dead_letters is not None or not messages:
                    self._send_canary(connection, queue)
                    if not messages and not counts.consumers:
                        _take_canary(connection, queue)
            except UnroutableError:
                raise
            except InfrastructureError as fault:
                refused = refusal(fault)
                gone = connection.lost and (refused is None or refused.code != INTERNAL_ERROR)
                if messages or gone or connection.blocked:
                    raise
                raise NoLeaderError(f"queue {queue.name} does not work: {fault}") from fault
            return QueueReport(
                queue=queue.name, state=QueueState.WORKS, messages=counts.messages, consumers=counts.consumers
            )

    def _difference(self, what: str, look: _Request, declare: _Request) -> list[str]:
        """Tell how something differs; it is declared only where it exists, so that nothing is made."""
        try:
            with connected(self._url, self._name) as connection:
                look(connection)
                declare(connection)
        except (InfrastructureError, InputError) as fault:
            refused = refusal(fault)
            if refused is not None and refused.code == NOT_FOUND:
                return [f"{what} is missing"]
            if refused is not None and refused.code == PRECONDITION_FAILED:
                return [f"{what} has other properties: {refused.text}"]
            raise
        return []

    def _defect(self, queue: Queue) -> list[str]:
        try:
            self.proven(queue)
        except NoLeaderError as fault:
            return [str(fault)]
        except UnroutableError:
            return [f"queue {queue.name} is not bound to {self._topology.binding_of(queue.name).routing_key}"]
        return []

    def _send_canary(self, connection: BrokerConnection, queue: Queue) -> None:
        binding = self._topology.binding_of(queue.name)
        confirmed = ConfirmedChannel(connection)
        properties = spec.BasicProperties(type=CANARY, message_id=f"canary of {queue.name}")
        confirmed.send(binding.exchange, binding.routing_key.replace("*", "CANARY"), b"", properties, mandatory=True)
        confirmed.settle(_CANARY_SECONDS)


def _take_canary(connection: BrokerConnection, queue: Queue) -> None:
    arrived: deque[Delivery] = deque()
    consume(connection, queue.name, 1, arrived)
    if not connection.wait(lambda: bool(arrived), _CANARY_SECONDS):
        raise InfrastructureError(f"queue {queue.name} keeps what was sent to it")
    # A fact that was published just now stays where it is; its consumer passes over the canary behind it.
    if arrived[0].properties.type == CANARY:
        acknowledge(connection, arrived[0].tag)
        make_sure_acknowledged(connection)


class _Trial:
    """Tries of one queue, which is made anew once it had time enough to find a leader."""

    def __init__(self, job: TopologyJob, queue: Queue, waiting: Callable[[str], None], recreate: bool) -> None:
        self._job = job
        self._queue = queue
        self._waiting = waiting
        self._recreate = recreate
        self._leaderless_since: float | None = None
        self._state = QueueState.WORKS

    def attempt(self) -> QueueReport:
        try:
            return self._job.proven(self._queue)._replace(state=self._state)
        except NoLeaderError as fault:
            now = monotonic()
            self._leaderless_since = self._leaderless_since or now
            if self._recreate and now - self._leaderless_since >= _LEADERLESS_SECONDS:
                self._make_anew(fault)
            raise
        except InfrastructureError:
            self._leaderless_since = None
            raise

    def _make_anew(self, fault: NoLeaderError) -> None:
        self._waiting(f"{fault}; it is made again")
        self._job.delete(self._queue)
        self._job.make()
        self._state = QueueState.RECREATED
        self._leaderless_since = None


def _insist(
    backoff: Backoff, waiting: Callable[[str], None], deadline: float, attempt: Callable[[], _Result]
) -> _Result:
    backoff.reset()
    while True:
        try:
            return attempt()
        except InfrastructureError as fault:
            delay_seconds = backoff.next_seconds()
            if monotonic() + delay_seconds > deadline:
                raise
            waiting(str(fault))
            sleep(delay_seconds)
