"""What is asked of the broker, each with a deadline: queues, exchanges, bindings and deliveries."""

from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from pika import spec
from pika.channel import Channel

from shared.bus.rabbitmq_connection import BrokerConnection


class Delivery(NamedTuple):
    """A message that was delivered; `tag` acknowledges it."""

    tag: int
    redelivered: bool
    routing_key: str
    properties: spec.BasicProperties
    body: bytes


class Counts(NamedTuple):
    """How many messages wait in a queue, and how many consumers it has."""

    messages: int
    consumers: int


def look_for_queue(connection: BrokerConnection, queue: str) -> Counts:
    """Return what a queue holds; raises InfrastructureError where there is none."""
    return _declare_queue(connection, queue, None)


def declare_queue(connection: BrokerConnection, queue: str, arguments: Mapping[str, str | int | bool]) -> None:
    """Make a durable queue unless it exists."""
    _declare_queue(connection, queue, arguments)


def declare_own_queue(connection: BrokerConnection, arguments: Mapping[str, str | int | bool]) -> str:
    """Make a queue that lasts as long as the connection, and return the name that the broker gives it."""
    declare = connection.channel.queue_declare
    request = partial(declare, "", exclusive=True, auto_delete=True, arguments=dict(arguments))
    return str(connection.call("making a queue", request).method.queue)


def declare_exchange(connection: BrokerConnection, exchange: str, kind: str, passive: bool = False) -> None:
    """Make a durable exchange unless it exists; a passive call only looks for it."""
    request = partial(connection.channel.exchange_declare, exchange, kind, passive=passive, durable=True)
    connection.call(f"declaring exchange {exchange}", request)


def bind(connection: BrokerConnection, queue: str, exchange: str, routing_key: str) -> None:
    """Lead what is published under a key to a queue."""
    connection.call(f"binding queue {queue}", partial(connection.channel.queue_bind, queue, exchange, routing_key))


def delete_queue(connection: BrokerConnection, queue: str) -> None:
    """Delete a queue with everything in it."""
    connection.call(f"deleting queue {queue}", partial(connection.channel.queue_delete, queue))


def consume(
    connection: BrokerConnection, queue: str, prefetch: int, into: deque[Delivery], auto_ack: bool = False
) -> None:
    """Have a queue's messages collected, with at most `prefetch` of them unacknowledged; 0 sets no limit."""

    def arrived(_channel: Channel, method: spec.Basic.Deliver, properties: spec.BasicProperties, body: bytes) -> None:
        tag, redelivered = int(method.delivery_tag or 0), bool(method.redelivered)
        into.append(
            Delivery(
                tag=tag, redelivered=redelivered, routing_key=str(method.routing_key), properties=properties, body=body
            )
        )
        connection.progress()

    _set_prefetch(connection, prefetch)
    request = partial(connection.channel.basic_consume, queue, arrived, auto_ack=auto_ack)
    connection.call(f"consuming queue {queue}", request)


def acknowledge(connection: BrokerConnection, tag: int, multiple: bool = False) -> None:
    """Tell the broker that a delivery was handled; `multiple` means all up to it."""
    channel = connection.channel
    connection.send(lambda: channel.basic_ack(tag, multiple=multiple))


def reject(connection: BrokerConnection, tag: int) -> None:
    """Have a delivery put among the dead letters."""
    channel = connection.channel
    connection.send(lambda: channel.basic_reject(tag, requeue=False))


def make_sure_acknowledged(connection: BrokerConnection) -> None:
    """Return when the broker has seen every acknowledgement; it answers in order, so that any request shows it."""
    _set_prefetch(connection, 1)


def _declare_queue(
    connection: BrokerConnection, queue: str, arguments: Mapping[str, str | int | bool] | None
) -> Counts:
    passive = arguments is None
    declare = connection.channel.queue_declare
    request = partial(declare, queue, passive=passive, durable=True, arguments=dict(arguments or {}))
    declared = connection.call(f"{'looking for' if passive else 'declaring'} queue {queue}", request).method
    return Counts(int(declared.message_count or 0), int(declared.consumer_count or 0))


def _set_prefetch(connection: BrokerConnection, prefetch: int) -> None:
    connection.call("setting the prefetch", partial(connection.channel.basic_qos, prefetch_count=prefetch))
