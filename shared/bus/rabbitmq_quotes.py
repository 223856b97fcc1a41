"""Quotes on RabbitMQ: quick and replaceable. The newest of each pair counts; one that is late or lost is not missed."""

from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import Final

from pika.spec import BasicProperties

from shared.bus.backoff import Backoff
from shared.bus.rabbitmq_connection import BrokerConnection
from shared.bus.rabbitmq_requests import Delivery, bind, consume, declare_own_queue
from shared.bus.topology import EXCHANGE, LONGEST_QUOTE_QUEUE, QUOTE
from shared.contracts.errors import InfrastructureError

_MOST_UNSENT_BYTES: Final = 65_536
_TRANSIENT: Final = 1
_PARTITION: Final = 0


class _Reconnecting:
    """A connection that is tried again only when its delay is over, so that nobody waits for it."""

    def __init__(self, url: str, name: str, backoff: Backoff, set_up: Callable[[BrokerConnection], None]) -> None:
        self._url = url
        self._name = name
        self._backoff = backoff
        self._set_up = set_up
        self._connection: BrokerConnection | None = None
        self._not_before = monotonic()

    def current(self) -> BrokerConnection | None:
        """Return the connection, None while there is none."""
        if self._connection is None and monotonic() >= self._not_before:
            try:
                self._connection = BrokerConnection(self._url, self._name)
                self._set_up(self._connection)
            except InfrastructureError:
                self.failed()
        return self._connection

    def works(self) -> None:
        """Note that the connection did its part."""
        self._backoff.reset()

    def failed(self) -> None:
        """Give the connection up until its delay is over."""
        self.close()
        self._not_before = monotonic() + self._backoff.next_seconds()

    def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop()


class QuotePublisher:
    """Send quotes without waiting for anybody; a quote that cannot be sent at once is dropped."""

    def __init__(self, url: str, name: str, backoff: Backoff) -> None:
        """Send quotes for the service `name`; `backoff` gives the delays between tries to connect."""
        self._link = _Reconnecting(url, name, backoff, lambda _connection: None)

    def publish(self, pair: str, body: str, occurred_at: int) -> bool:
        """Send a quote's JSON text and return whether it was handed to the network.

        Connecting takes up to some seconds. Raises InputError when the broker refuses the user.
        """
        connection = self._link.current()
        if connection is None:
            return False
        properties = BasicProperties(
            content_type="application/json", delivery_mode=_TRANSIENT, type=QUOTE, timestamp=occurred_at
        )
        key = f"{QUOTE}.{_PARTITION}.{pair}"
        try:
            if connection.unsent_bytes > _MOST_UNSENT_BYTES:
                return False
            connection.send(lambda: connection.channel.basic_publish(EXCHANGE, key, body.encode(), properties))
            connection.serve()
        except InfrastructureError:
            self._link.failed()
            return False
        self._link.works()
        return True

    def idle(self) -> None:
        """Serve the heartbeat; needed every five seconds while no quotes come."""
        connection = self._link.current()
        if connection is not None:
            try:
                connection.serve()
            except InfrastructureError:
                self._link.failed()

    def close(self) -> None:
        """Drop the connection."""
        self._link.close()


class QuoteSubscription:
    """Receive quotes through a queue of one's own, which goes when the connection does."""

    def __init__(self, url: str, name: str, backoff: Backoff) -> None:
        """Receive quotes for the service `name`."""
        self._arrived: deque[Delivery] = deque()
        self._link = _Reconnecting(url, name, backoff, self._subscribe)

    def take(self, seconds: float) -> Mapping[str, bytes]:
        """Wait so many seconds at most for quotes, and return the newest JSON text of each pair that has one.

        Returns nothing while the broker cannot be reached; connecting takes up to some seconds. Raises InputError when
        the broker refuses the user.
        """
        connection = self._link.current()
        if connection is None:
            sleep(seconds)
        else:
            try:
                connection.wait(lambda: bool(self._arrived), seconds)
            except InfrastructureError:
                self._link.failed()
        newest = {each.routing_key.rpartition(".")[2]: each.body for each in self._arrived}
        self._arrived.clear()
        if newest:
            self._link.works()
        return newest

    def close(self) -> None:
        """Drop the connection, and the queue with it."""
        self._link.close()

    def _subscribe(self, connection: BrokerConnection) -> None:
        queue = declare_own_queue(connection, {"x-max-length": LONGEST_QUOTE_QUEUE, "x-overflow": "drop-head"})
        bind(connection, queue, EXCHANGE, f"{QUOTE}.{_PARTITION}.*")
        self._arrived.clear()
        consume(connection, queue, 0, self._arrived, auto_ack=True)
