"""Sending facts through RabbitMQ: confirmed by the broker, many at a time."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from pika.channel import Channel
from pika.frame import Method
from pika.spec import Basic, BasicProperties

from shared.bus.rabbitmq_connection import BrokerConnection
from shared.bus.topology import EXCHANGE, Topology
from shared.bus.wire import properties_of
from shared.contracts.envelope import WireMessage
from shared.contracts.errors import InfrastructureError

_CONFIRM_SECONDS: Final = 10.0
_WINDOW: Final = 500


class UnroutableError(InfrastructureError):
    """No queue is bound for a message that has to arrive; declare the topology, then send again."""


class ConfirmedChannel:
    """Messages on their way to the broker, until it has said of each that it is stored, refused or unroutable."""

    def __init__(self, connection: BrokerConnection) -> None:
        """Ask the broker to confirm what is published on the connection's channel from now on."""
        self._connection = connection
        self._channel = connection.channel
        self._next_tag = 1
        self._waiting: set[int] = set()
        self._refused = 0
        self._unroutable: list[str] = []
        self._channel.add_on_return_callback(self._on_return)
        connection.call("asking for confirms", partial(self._channel.confirm_delivery, self._on_confirm))

    def send(self, exchange: str, routing_key: str, body: bytes, properties: BasicProperties, mandatory: bool) -> None:
        """Publish one message without waiting."""
        self._connection.send(
            lambda: self._channel.basic_publish(exchange, routing_key, body, properties, mandatory=mandatory)
        )
        self._waiting.add(self._next_tag)
        self._next_tag += 1

    def settle(self, seconds: float) -> None:
        """Return once every message is stored; raise InfrastructureError where one is not, or not within `seconds`."""
        if not self._connection.wait(lambda: not self._waiting, seconds):
            raise InfrastructureError(f"the broker did not confirm {len(self._waiting)} messages in {seconds:g} s")
        refused, self._refused = self._refused, 0
        unroutable, self._unroutable = self._unroutable, []
        if unroutable:
            raise UnroutableError(
                f"no queue takes {unroutable[0]} ({len(unroutable)} messages); `scalpbot bus declare` binds the queues"
            )
        if refused:
            raise InfrastructureError(f"the broker refused to store {refused} messages")

    def _on_confirm(self, frame: Method[Basic.Ack | Basic.Nack]) -> None:
        method = frame.method
        tag = method.delivery_tag
        settled = {each for each in self._waiting if each <= tag} if method.multiple else {tag}
        self._waiting -= settled
        if isinstance(method, Basic.Nack):
            self._refused += len(settled)
        self._connection.progress()

    def _on_return(self, _channel: Channel, method: Basic.Return, _properties: BasicProperties, _body: bytes) -> None:
        self._unroutable.append(str(method.routing_key))


class RabbitPublisher:
    """Publish facts so that none is lost: whatever is not confirmed has to be sent again, under the same ids.

    It belongs to one thread, connects when it is first used and again after a fault; how long to wait in between is up
    to the caller.
    """

    def __init__(self, url: str, topology: Topology, name: str, *, confirm_seconds: float = _CONFIRM_SECONDS) -> None:
        """Publish for the service `name`; a window of messages is confirmed within `confirm_seconds`, or it failed."""
        self._url = url
        self._topology = topology
        self._name = name
        self._confirm_seconds = confirm_seconds
        self._connection: BrokerConnection | None = None
        self._channel: ConfirmedChannel | None = None

    @property
    def connected(self) -> bool:
        """Return whether there is a connection, as far as is known."""
        return self._connection is not None and not self._connection.lost

    def publish(self, messages: Sequence[WireMessage]) -> None:
        """Publish messages in order and return once the broker has stored them all.

        Raises InfrastructureError when one was refused, led to no queue or was not confirmed in time, or the connection
        was lost; any of them may be stored all the same. Raises InputError when the broker refuses the user.
        """
        if not messages:
            return
        channel = self._open()
        try:
            for start in range(0, len(messages), _WINDOW):
                for message in messages[start : start + _WINDOW]:
                    channel.send(
                        EXCHANGE,
                        message.routing_key,
                        message.body.encode(),
                        properties_of(message),
                        self._topology.subscribed(message.type),
                    )
                channel.settle(self._confirm_seconds)
        except BaseException:
            # Late confirms of this batch must not be taken for those of the next.
            self._drop()
            raise

    def idle(self) -> None:
        """Keep the connection alive while there is nothing to send; a lost one is noticed and opened at the next call.

        Heartbeats need this at least every five seconds.
        """
        if self._connection is None:
            return
        try:
            self._connection.serve()
        except BaseException:
            self._drop()
            raise

    def close(self) -> None:
        """Take leave of the broker."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> ConfirmedChannel:
        if self._connection is None or self._channel is None or self._connection.lost:
            self._drop()
            self._connection = BrokerConnection(self._url, self._name)
            self._channel = ConfirmedChannel(self._connection)
        return self._channel

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop()
