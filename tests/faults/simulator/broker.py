"""A broker in memory: it loses what it confirmed, copies, delays, reorders, and delivers again what nobody acked."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pika.spec import BasicProperties

from shared.bus.topology import DELIVERY_LIMIT, EXCHANGE, Topology
from shared.bus.wire import properties_of
from shared.contracts.envelope import WireMessage
from shared.contracts.errors import InfrastructureError
from tests.faults.simulator.faults import (
    ACK_LOST,
    DELAYED,
    DROPPED,
    DUPLICATED,
    HALF_DONE,
    POISONED,
    REFUSED,
    REORDERED,
    UNCONFIRMED,
    Faults,
    SimulatedCrash,
)

_WINDOW: Final = 20
_MOST_COPIES: Final = 3
_LONGEST_DELAY_SECONDS: Final = 8.0
_PREFETCHES: Final = (1, 5, 20, 200)


@dataclass(eq=False)
class Held:
    """A message in a queue."""

    properties: BasicProperties
    body: bytes
    ready_at: float
    deliveries: int = 0


class Consumer:
    """Somebody who takes messages off a queue: those that it holds come back when it goes."""

    def __init__(self, queue: str, wake: Callable[[], None]) -> None:
        """Take messages off a queue; `wake` is called when there is one."""
        self.queue = queue
        self.wake = wake
        self.unacked: list[Held] = []
        self.connected = True


class SimulatedBroker:
    """Queues as the topology binds them."""

    def __init__(self, topology: Topology, faults: Faults, clock: Callable[[], float]) -> None:
        """Have every queue of the topology, empty."""
        self._topology = topology
        self._faults = faults
        self._clock = clock
        self._queues: dict[str, list[Held]] = {queue.name: [] for queue in topology.queues if queue.dead_letters}
        self._consumers: list[Consumer] = []
        self.dead_letters = 0
        self.arrived: dict[str, None] = {}

    def publish(self, messages: Sequence[WireMessage], producer: str) -> None:
        """Take messages; raise InfrastructureError when it is not sure that all arrived."""
        if self._strikes(REFUSED, producer):
            raise InfrastructureError("simulated: the broker is not there")
        if self._strikes(HALF_DONE, producer):
            for message in messages[: self._faults.random.randrange(len(messages) + 1)]:
                self._arrive(message)
            raise InfrastructureError("simulated: the connection broke while publishing")
        for message in messages:
            self._arrive(message)
        if self._strikes(UNCONFIRMED, producer):
            raise InfrastructureError("simulated: the broker did not confirm in time")

    def attach(self, queue: str, wake: Callable[[], None]) -> Consumer:
        """Connect a consumer."""
        consumer = Consumer(queue, wake)
        self._consumers.append(consumer)
        return consumer

    def detach(self, consumer: Consumer) -> None:
        """Lose a consumer; what it did not ack is delivered again, and not always in its old order."""
        if not consumer.connected:
            return
        consumer.connected = False
        self._consumers.remove(consumer)
        waiting, back = self._queues[consumer.queue], consumer.unacked
        consumer.unacked = []
        if self._faults.random.random() < 0.5:
            waiting[:0] = back
        else:
            waiting.extend(back)
        self._announce(consumer.queue)

    def take(self, consumer: Consumer) -> list[Held]:
        """Deliver the next messages to a consumer."""
        waiting, now, random = self._queues[consumer.queue], self._clock(), self._faults.random
        if len(waiting) > 1 and self._strikes(REORDERED, consumer.queue):
            for start in range(0, len(waiting), _WINDOW):
                window = waiting[start : start + _WINDOW]
                random.shuffle(window)
                waiting[start : start + _WINDOW] = window
        most = random.choice(_PREFETCHES)
        taken = [held for held in waiting if held.ready_at <= now][:most]
        chosen = {id(held) for held in taken}
        waiting[:] = [held for held in waiting if id(held) not in chosen]
        for held in taken:
            held.deliveries += 1
        tired = [held for held in taken if held.deliveries > DELIVERY_LIMIT + 1]
        self.dead_letters += len(tired)
        taken = [held for held in taken if held.deliveries <= DELIVERY_LIMIT + 1]
        consumer.unacked.extend(taken)
        return taken

    def acknowledge(self, consumer: Consumer, taken: Sequence[Held]) -> None:
        """Forget messages; raise InfrastructureError where the connection was lost before."""
        if consumer.connected and self._strikes(ACK_LOST, consumer.queue):
            self.detach(consumer)
        if not consumer.connected:
            raise InfrastructureError("simulated: the consumer's connection is lost")
        for held in taken:
            consumer.unacked.remove(held)

    def reject(self, consumer: Consumer, held: Held) -> None:
        """Move a message to the dead letters."""
        if consumer.connected:
            consumer.unacked.remove(held)
            self.dead_letters += 1

    def empty(self) -> bool:
        """Return whether nothing waits and nothing is in anybody's hands."""
        return not any(self._queues.values()) and not any(each.unacked for each in self._consumers)

    def _arrive(self, message: WireMessage) -> None:
        self.arrived[message.message_id] = None
        queues = [
            binding.queue
            for binding in self._topology.bindings
            if binding.exchange == EXCHANGE and _matches(binding.routing_key, message.routing_key)
        ]
        if self._topology.subscribed(message.type) and not queues:
            raise AssertionError(f"{message.routing_key} leads to no queue")
        properties, body = properties_of(message), message.body.encode()
        for queue in queues:
            self._enter(queue, properties, body)

    def _enter(self, queue: str, properties: BasicProperties, body: bytes) -> None:
        random, place = self._faults.random, str(properties.message_id)
        if self._strikes(DROPPED, place):
            return
        copies = random.randint(1, _MOST_COPIES) if self._strikes(DUPLICATED, place) else 0
        for _ in range(1 + copies):
            delay = random.random() * _LONGEST_DELAY_SECONDS if self._strikes(DELAYED, place) else 0.0
            self._queues[queue].append(Held(properties, body, self._clock() + delay))
        if self._strikes(POISONED, place):
            broken = body[: random.randrange(len(body))]
            self._queues[queue].append(Held(properties, broken, self._clock()))
        self._announce(queue)

    def _announce(self, queue: str) -> None:
        for consumer in self._consumers:
            if consumer.queue == queue:
                consumer.wake()

    def _strikes(self, kind: str, where: str) -> bool:
        return self._faults.strikes(kind, self._clock(), where)


class SimulatedPublisher:
    """The publisher of one process."""

    def __init__(self, broker: SimulatedBroker, producer: str, faults: Faults, crash: Callable[[str], None]) -> None:
        """Publish for a service."""
        self._broker = broker
        self._producer = producer
        self._faults = faults
        self._crash = crash

    def publish(self, messages: Sequence[WireMessage]) -> None:
        """Hand messages over; the process may die with some of them sent."""
        try:
            self._crash(f"{self._producer}.in_publish")
        except SimulatedCrash:
            sent = messages[: self._faults.random.randrange(len(messages) + 1)]
            with suppress(InfrastructureError):
                self._broker.publish(sent, self._producer)
            raise
        self._broker.publish(messages, self._producer)

    def idle(self) -> None:
        """Do nothing: this connection needs no heartbeats."""

    def close(self) -> None:
        """Do nothing."""


def _matches(pattern: str, key: str) -> bool:
    wanted, words = pattern.split("."), key.split(".")
    return len(wanted) == len(words) and all(one in ("*", word) for one, word in zip(wanted, words, strict=True))
