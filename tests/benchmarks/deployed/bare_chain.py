"""A broker and a database as a program uses them that has nothing else to do: message by message, or many at a time."""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple, Protocol

import pika
import psycopg

from shared.bus.rabbitmq_connection import BrokerConnection
from shared.bus.rabbitmq_publisher import ConfirmedChannel
from shared.bus.rabbitmq_requests import Delivery, acknowledge, consume, make_sure_acknowledged
from shared.bus.topology import EXCHANGE

# As many as the services take, and their relays send, at a time.
_PREFETCH: Final = 200
_CONFIRMED_TOGETHER: Final = 500
_PATIENCE_SECONDS: Final = 60.0


class Item(NamedTuple):
    """A message: its place in the stream and its body."""

    seq: int
    body: bytes


class Chain(Protocol):
    """What a process of the bare loop does with broker and database."""

    def subscribe(self, queue: str) -> None:
        """Ask for the messages of a queue."""

    def take(self) -> Sequence[Item]:
        """Wait for messages and return them."""

    def commit(self, table: str, items: Sequence[Item]) -> None:
        """Commit a row for each message."""

    def publish(self, routing_key: str, items: Sequence[Item]) -> None:
        """Publish messages and return when the broker has confirmed them all."""

    def acknowledge(self) -> None:
        """Acknowledge what was taken last."""

    def close(self) -> None:
        """Let go of both, everything acknowledged."""


class SingleChain:
    """Message by message, with pika's blocking adapter; it owes nothing to this project."""

    def __init__(self, broker_url: str, database: str) -> None:
        """Connect to both; every insert commits by itself."""
        self._connection = pika.BlockingConnection(pika.URLParameters(broker_url))
        self._incoming, self._outgoing = self._connection.channel(), self._connection.channel()
        self._outgoing.confirm_delivery()
        self._database = psycopg.connect(database, autocommit=True)
        self._tag = 0

    def subscribe(self, queue: str) -> None:
        """Ask for the messages of a queue."""
        self._incoming.basic_qos(prefetch_count=_PREFETCH)
        self._deliveries = self._incoming.consume(queue)

    def take(self) -> Sequence[Item]:
        """Wait for a message and return it."""
        method, properties, body = next(self._deliveries)
        self._tag = int(method.delivery_tag or 0)
        return (Item(int(properties.message_id or 0), body),)

    def commit(self, table: str, items: Sequence[Item]) -> None:
        """Commit a row for each message."""
        for item in items:
            self._database.execute(f"INSERT INTO {table} VALUES (%s, %s)", (item.seq, item.body.decode()))

    def publish(self, routing_key: str, items: Sequence[Item]) -> None:
        """Publish messages, waiting for the confirm of each."""
        for item in items:
            self._outgoing.basic_publish(EXCHANGE, routing_key, item.body, _properties(item), mandatory=True)

    def acknowledge(self) -> None:
        """Acknowledge the message that was taken last."""
        self._incoming.basic_ack(self._tag)

    def close(self) -> None:
        """Let go of both, everything acknowledged."""
        self._connection.close()
        self._database.close()


class BatchedChain:
    """As many messages at a time as the services take, over this project's connection, which pika's cannot do."""

    def __init__(self, broker_url: str, database: str) -> None:
        """Connect to both."""
        self._incoming = BrokerConnection(broker_url, "bare.in")
        self._outgoing = BrokerConnection(broker_url, "bare.out")
        self._confirmed = ConfirmedChannel(self._outgoing)
        self._database = psycopg.connect(database)
        self._waiting: deque[Delivery] = deque()
        self._tag = 0

    def subscribe(self, queue: str) -> None:
        """Ask for the messages of a queue."""
        consume(self._incoming, queue, _PREFETCH, self._waiting)

    def take(self) -> Sequence[Item]:
        """Wait for messages and return all that have arrived."""
        if not self._incoming.wait(lambda: bool(self._waiting), _PATIENCE_SECONDS):
            raise TimeoutError(f"nothing arrived in {_PATIENCE_SECONDS:g} s")
        taken = [self._waiting.popleft() for _ in range(min(_PREFETCH, len(self._waiting)))]
        self._tag = taken[-1].tag
        return [Item(int(each.properties.message_id or 0), each.body) for each in taken]

    def commit(self, table: str, items: Sequence[Item]) -> None:
        """Commit a row for each message, in one transaction."""
        with self._database.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for item in items:
                copy.write_row((item.seq, item.body.decode()))
        self._database.commit()

    def publish(self, routing_key: str, items: Sequence[Item]) -> None:
        """Publish messages and wait for the confirms of many together."""
        rest = iter(items)
        while some := list(islice(rest, _CONFIRMED_TOGETHER)):
            for item in some:
                self._confirmed.send(EXCHANGE, routing_key, item.body, _properties(item), mandatory=True)
            self._confirmed.settle(_PATIENCE_SECONDS)

    def acknowledge(self) -> None:
        """Acknowledge all that was taken last."""
        acknowledge(self._incoming, self._tag, multiple=True)

    def close(self) -> None:
        """Let go of both, everything acknowledged."""
        make_sure_acknowledged(self._incoming)
        self._incoming.close()
        self._outgoing.close()
        self._database.close()


def _properties(item: Item) -> pika.BasicProperties:
    return pika.BasicProperties(
        content_type="application/json", delivery_mode=pika.DeliveryMode.Persistent.value, message_id=str(item.seq)
    )
