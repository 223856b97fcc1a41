"""What exists on the broker: exchanges, queues and bindings, for RabbitMQ 3.10 to 4.x alike.

A fact goes to the topic exchange under `<fact>.<partition>.<PAIR>`. The strategy has a quorum queue for each partition,
the executor one for all of them, since one account applies all candles in one order. Each has one active consumer, a
limit of deliveries, and a dead-letter queue `<queue>.dead` that takes what it gives up.
"""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.contracts.errors import InputError
from shared.contracts.facts import CANDLE_ASSESSED, CANDLE_CLOSED

EXCHANGE: Final = "scalpbot"
DEAD_LETTER_EXCHANGE: Final = "scalpbot.dead"
VHOST: Final = "scalpbot"
# Quotes have no lasting queue: each executor makes one of its own for as long as it is connected.
QUOTE: Final = "quote"
LONGEST_QUOTE_QUEUE: Final = 1_000
DELIVERY_LIMIT: Final = 5
LONGEST_QUEUE: Final = 100_000
# From here the executor takes assessed candles.
ASSESSED_QUEUE: Final = "executor.assessed"
# Looking at a dead letter counts as a delivery, and RabbitMQ 4 drops a message after 20 of them unless told otherwise;
# -1, its word for no limit, means none at all to 3.10.
_DEAD_ARGUMENTS: Final[Mapping[str, str | int | bool]] = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}


class Exchange(NamedTuple):
    """An exchange; durable."""

    name: str
    type: str


class Queue(NamedTuple):
    """A queue; durable. `dead_letters` is the name of the queue that takes what it gives up, if it has one."""

    name: str
    arguments: Mapping[str, str | int | bool]
    dead_letters: str | None


class Binding(NamedTuple):
    """What leads from an exchange to a queue."""

    exchange: str
    queue: str
    routing_key: str


class Topology(NamedTuple):
    """Everything that has to exist before a message is sent."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]

    def subscribed(self, fact: str) -> bool:
        """Return whether some queue takes facts of a type; such a fact has to arrive."""
        return any(
            binding.exchange == EXCHANGE and binding.routing_key.rsplit(".", 2)[0] == fact for binding in self.bindings
        )

    def binding_of(self, queue: str) -> Binding:
        """Return the binding that fills a queue."""
        return next(binding for binding in self.bindings if binding.queue == queue)


def candles_queue(partition: int = 0) -> str:
    """Return the queue from which the strategy takes closed candles."""
    return f"strategy.candles.{partition}"


def topology(partitions: int = 1) -> Topology:
    """Return the topology for a number of partitions; raises InputError when there is none."""
    if partitions < 1:
        raise InputError(f"{partitions} partitions cannot carry anything; give 1 or more")
    exchanges = (Exchange(EXCHANGE, "topic"), Exchange(DEAD_LETTER_EXCHANGE, "direct"))
    queues: list[Queue] = []
    bindings: list[Binding] = []
    keys = [(candles_queue(partition), f"{CANDLE_CLOSED}.{partition}.*") for partition in range(partitions)]
    for queue, key in (*keys, (ASSESSED_QUEUE, f"{CANDLE_ASSESSED}.*.*")):
        dead = f"{queue}.dead"
        queues += [Queue(queue, _work_arguments(queue), dead), Queue(dead, _DEAD_ARGUMENTS, None)]
        bindings += [Binding(EXCHANGE, queue, key), Binding(DEAD_LETTER_EXCHANGE, dead, queue)]
    return Topology(exchanges, tuple(queues), tuple(bindings))


def definitions(declared: Topology, vhost: str = VHOST) -> str:
    """Write a topology as the JSON text that RabbitMQ imports; it holds no users."""
    document = {
        "vhosts": [{"name": vhost}],
        "exchanges": [
            {
                "name": exchange.name,
                "vhost": vhost,
                "type": exchange.type,
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
            for exchange in declared.exchanges
        ],
        "queues": [
            {
                "name": queue.name,
                "vhost": vhost,
                "durable": True,
                "auto_delete": False,
                "arguments": dict(queue.arguments),
            }
            for queue in declared.queues
        ],
        "bindings": [
            {
                "source": binding.exchange,
                "vhost": vhost,
                "destination": binding.queue,
                "destination_type": "queue",
                "routing_key": binding.routing_key,
                "arguments": {},
            }
            for binding in declared.bindings
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _work_arguments(queue: str) -> Mapping[str, str | int | bool]:
    return {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD_LETTER_EXCHANGE,
        "x-dead-letter-routing-key": queue,
        # A dead letter is taken off the queue only once its own queue has confirmed it; that needs reject-publish.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length": LONGEST_QUEUE,
    }
