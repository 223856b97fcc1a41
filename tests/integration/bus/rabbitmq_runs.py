"""Runs of publishers and consumers on a real broker, and messages for them."""

import json
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import pika

from shared.bus.backoff import Backoff
from shared.bus.rabbitmq_consumer import ConsumerObserver, RabbitConsumer
from shared.bus.rabbitmq_publisher import RabbitPublisher
from shared.bus.rabbitmq_topology import TopologyJob
from shared.bus.topology import EXCHANGE, candles_queue, topology
from shared.bus.wire import properties_of
from shared.contracts.envelope import Message, WireMessage
from shared.contracts.errors import MessageError
from tests.contract.builders import an_outgoing

QUEUE: Final = candles_queue()
DEAD: Final = f"{QUEUE}.dead"
CHANCE: Final = random.Random(1).random
# Long enough for a broker that was restarted on a busy machine.
PATIENCE_SECONDS: Final = 60.0


class Witness:
    """Counts what befalls a consumer."""

    def __init__(self) -> None:
        self.connections = 0
        self.lost: list[str] = []
        self.batches: list[int] = []
        self.redelivered = 0
        self.rejections: list[str] = []
        self.delays: list[float] = []

    def connected(self) -> None:
        self.connections += 1

    def disconnected(self, why: str, delay_seconds: float) -> None:
        self.lost.append(why)

    def received(self, messages: int, redelivered: int) -> None:
        self.batches.append(messages)
        self.redelivered += redelivered

    def rejected(self, message_id: str, why: str) -> None:
        self.rejections.append(why)

    def held_up(self, why: str, delay_seconds: float) -> None:
        self.delays.append(delay_seconds)


def a_wire_message(seq: int, body: str | None = None, **changes: Any) -> WireMessage:
    """Return the `seq`-th closed candle as the outbox holds it; its body says its seq."""
    message = an_outgoing(seq)._replace(
        type="candle.closed", routing_key="candle.closed.0.EUR_USD", body=json.dumps(seq) if body is None else body
    )
    return message._replace(**changes)


def as_received(message: WireMessage) -> Message:
    """Return a message as a consumer sees it."""
    fields = {name: getattr(message, name) for name in Message._fields}
    return Message(**{**fields, "body": json.loads(message.body)})


def decode(fact: str, version: int, body: bytes) -> object:
    """Read a body as the codec does: JSON of the versions that are known."""
    if (fact, version) != ("candle.closed", 1):
        raise MessageError(f"{fact} {version} is unknown")
    try:
        return json.loads(body)
    except ValueError as fault:
        raise MessageError(str(fault)) from fault


def declare(url: str) -> None:
    """Make the topology in a vhost."""
    TopologyJob(url, topology(), "test").declare(PATIENCE_SECONDS, Backoff(0.1, 1.0, CHANCE), lambda _why: None)


def publish(url: str, messages: Sequence[WireMessage]) -> None:
    """Publish messages and be sure that they are stored."""
    publisher = RabbitPublisher(url, topology(), "test")
    publisher.publish(messages)
    publisher.close()


def publish_raw(url: str, message: WireMessage, body: bytes) -> None:
    """Publish bytes that no honest producer writes, in the envelope of a message."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_publish(EXCHANGE, message.routing_key, body, properties_of(message), mandatory=True)
    connection.close()


def consume(
    url: str,
    handle: Callable[[Sequence[Message]], None],
    until: Callable[[], bool],
    *,
    prefetch: int = 20,
    observer: ConsumerObserver | None = None,
    tick: Callable[[], None] = lambda: None,
    patience_seconds: float = 60.0,
) -> None:
    """Consume in this thread until something is reached; fails after a minute without."""
    deadline = time.monotonic() + PATIENCE_SECONDS

    def stop() -> bool:
        assert time.monotonic() < deadline, "the consumer was waited for in vain"
        return until()

    consumer = RabbitConsumer(
        url,
        QUEUE,
        prefetch,
        "test consumer",
        backoff=Backoff(0.1, 1.0, CHANCE),
        random=CHANCE,
        observer=observer or Witness(),
        patience_seconds=patience_seconds,
    )
    consumer.run(handle, decode, stop=stop, tick=tick)


def consume_all(url: str, count: int, prefetch: int = 20) -> list[Message]:
    """Return the next `count` messages of the queue, or more where a batch brought more."""
    received: list[Message] = []
    consume(url, received.extend, lambda: len(received) >= count, prefetch=prefetch)
    return received


def ready(url: str, queue: str = QUEUE) -> int:
    """Return how many messages wait in a queue."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        return int(connection.channel().queue_declare(queue, passive=True).method.message_count)
    finally:
        connection.close()
