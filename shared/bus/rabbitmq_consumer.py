"""Taking facts from a queue of RabbitMQ: in batches, acknowledged after they were handled.

The broker may deliver a message twice and in another order; whoever handles them goes by their places in the stream. A
message that cannot be understood goes to the dead-letter queue after one delivery and holds up nobody else.
"""

from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Final, NamedTuple, Protocol

from shared.bus.backoff import Backoff
from shared.bus.rabbitmq_connection import BrokerConnection
from shared.bus.rabbitmq_requests import Delivery, acknowledge, consume, look_for_queue, make_sure_acknowledged, reject
from shared.bus.wire import CANARY, Decode, message_of
from shared.contracts.envelope import Message
from shared.contracts.errors import InfrastructureError, MessageError

Handle = Callable[[Sequence[Message]], None]

_POLL_SECONDS: Final = 0.25
_PATIENCE_SECONDS: Final = 60.0
_STEADY_SECONDS: Final = 30.0


class ConsumerObserver(Protocol):
    """Is told what befalls a consumer, for logs and metrics."""

    def connected(self) -> None:
        """Note that messages can arrive."""
        ...

    def disconnected(self, why: str, delay_seconds: float) -> None:
        """Note that the connection is gone, and after what delay it is tried again."""
        ...

    def received(self, messages: int, redelivered: int) -> None:
        """Note a batch, and how many of it may have been delivered before."""
        ...

    def rejected(self, message_id: str, why: str) -> None:
        """Note a message that went to the dead-letter queue because it cannot be understood."""
        ...

    def held_up(self, why: str, delay_seconds: float) -> None:
        """Note that a batch could not be handled, and after what delay it is tried again."""
        ...


class _StoppedError(Exception):
    """The run is to end although the broker is not connected yet."""


class _Duties(NamedTuple):
    """What `run` was given."""

    handle: Handle
    decode: Decode
    stop: Callable[[], bool]
    tick: Callable[[], None]


class RabbitConsumer:
    """Consume one queue in the caller's thread until told to stop."""

    def __init__(
        self,
        url: str,
        queue: str,
        prefetch: int,
        name: str,
        *,
        backoff: Backoff,
        random: Callable[[], float],
        observer: ConsumerObserver,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        """Take at most `prefetch` messages at a time.

        `backoff` gives the delays between tries to connect. A connection is kept for `patience_seconds` while a batch
        cannot be handled.
        """
        self._url = url
        self._queue = queue
        self._prefetch = prefetch
        self._name = name
        self._backoff = backoff
        self._random = random
        self._observer = observer
        self._patience_seconds = patience_seconds

    def run(self, handle: Handle, decode: Decode, *, stop: Callable[[], bool], tick: Callable[[], None]) -> None:
        """Handle messages until `stop` says so; then finish the batch, acknowledge it and drop the connection.

        `handle` is given each batch once; where it raises InfrastructureError it is given the same batch again later.
        Anything else that it raises ends the run, and the broker delivers the batch again. It should take less than
        ten seconds: meanwhile no heartbeat is sent. `decode` makes a fact of type, version and body, or raises
        MessageError. `tick` is called at least every half second, except while `handle` works. Raises InputError when
        the broker refuses for a reason that trying again does not mend.
        """
        duties = _Duties(handle=handle, decode=decode, stop=stop, tick=tick)
        while not stop():
            started = monotonic()
            try:
                self._consume(duties)
            except _StoppedError:
                return
            except InfrastructureError as fault:
                if monotonic() - started > _STEADY_SECONDS:
                    self._backoff.reset()
                delay_seconds = self._backoff.next_seconds()
                self._observer.disconnected(str(fault), delay_seconds)
                _pause(delay_seconds, duties)

    def _consume(self, duties: _Duties) -> None:
        connecting = True

        def attend() -> None:
            duties.tick()
            if connecting and duties.stop():
                raise _StoppedError

        connection = BrokerConnection(self._url, self._name, attend)
        try:
            deliveries = self._subscribe(connection)
            connecting = False
            self._observer.connected()
            while not duties.stop():
                if connection.wait(lambda: bool(deliveries) or duties.stop(), _POLL_SECONDS) and deliveries:
                    self._settle(connection, _taken(deliveries, self._prefetch), duties)
                    self._backoff.reset()
            make_sure_acknowledged(connection)
        finally:
            connection.drop()

    def _subscribe(self, connection: BrokerConnection) -> deque[Delivery]:
        deliveries: deque[Delivery] = deque()

        def cancelled(_frame: object) -> None:
            connection.fail(InfrastructureError(f"the broker ended the consumption of {self._queue}"))

        look_for_queue(connection, self._queue)
        connection.channel.add_on_cancel_callback(cancelled)
        consume(connection, self._queue, self._prefetch, deliveries)
        return deliveries

    def _settle(self, connection: BrokerConnection, deliveries: Sequence[Delivery], duties: _Duties) -> None:
        messages: list[Message] = []
        last_tag = 0
        for delivery in deliveries:
            if delivery.properties.type != CANARY:
                try:
                    messages.append(message_of(delivery.properties, delivery.body, duties.decode))
                except MessageError as fault:
                    reject(connection, delivery.tag)
                    self._observer.rejected(str(delivery.properties.message_id), str(fault))
                    continue
            last_tag = delivery.tag
        self._observer.received(len(deliveries), sum(delivery.redelivered for delivery in deliveries))
        if messages and not self._handled(connection, messages, duties):
            return
        if last_tag:
            acknowledge(connection, last_tag, multiple=True)

    def _handled(self, connection: BrokerConnection, messages: Sequence[Message], duties: _Duties) -> bool:
        """Have a batch handled, whatever time it takes, and return whether it is to be acknowledged.

        After a minute of failures the connection is dropped, so that another instance may do better, and the batch is
        tried further without it: fetching it again and again would use up its deliveries.
        """
        delays = Backoff(0.1, 5.0, self._random)
        give_up = monotonic() + self._patience_seconds
        while True:
            try:
                duties.handle(messages)
            except InfrastructureError as fault:
                delay_seconds = delays.next_seconds()
                self._observer.held_up(str(fault), delay_seconds)
            else:
                if connection.lost:
                    raise InfrastructureError("the connection was given up while a batch could not be handled")
                return True
            if monotonic() + delay_seconds > give_up and not connection.lost:
                connection.drop()
            _pause_connected(connection, delay_seconds, duties)
            if duties.stop():
                return False


def _taken(deliveries: deque[Delivery], most: int) -> list[Delivery]:
    return [deliveries.popleft() for _ in range(min(most, len(deliveries)))]


def _pause_connected(connection: BrokerConnection, seconds: float, duties: _Duties) -> None:
    """Wait, keeping the connection alive as long as it lasts."""
    if connection.lost:
        _pause(seconds, duties)
        return
    try:
        connection.wait(duties.stop, seconds)
    except InfrastructureError:
        connection.drop()


def _pause(seconds: float, duties: _Duties) -> None:
    until = monotonic() + seconds
    while not duties.stop() and (remaining_seconds := until - monotonic()) > 0:
        sleep(min(remaining_seconds, _POLL_SECONDS))
        duties.tick()
