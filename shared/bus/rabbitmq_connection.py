"""A connection to RabbitMQ, driven by the thread that uses it, on which no wait is without a deadline.

pika's blocking adapter waits for ever for an answer that does not come, and confirms messages one by one. Here the
caller's thread runs pika's event loop itself, for as long as it waits for something. Each connection belongs to one
thread.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ssl import SSLContext
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

from pika import URLParameters
from pika.adapters.select_connection import IOLoop, SelectConnection
from pika.adapters.utils.nbio_interface import AbstractIOReference, AbstractStreamProtocol, AbstractStreamTransport
from pika.adapters.utils.selector_ioloop_adapter import SelectorIOServicesAdapter
from pika.channel import Channel
from pika.exceptions import AMQPError

from shared.bus.rabbitmq_faults import fault_of
from shared.contracts.errors import InfrastructureError, InputError

if TYPE_CHECKING:
    from pika.adapters.utils.selector_ioloop_adapter import AbstractSelectorIOLoop

ANSWER_SECONDS: Final = 10.0
_SLICE_SECONDS: Final = 0.25
_CLOSE_SECONDS: Final = 2.0
_DROP_SECONDS: Final = 1.0
# pika's own limit begins only once the host's name is resolved.
_OPEN_SECONDS: Final = 12.0

_Streaming = tuple[AbstractStreamTransport, AbstractStreamProtocol]


def connection_parameters(url: str, name: str) -> URLParameters:
    """Return how to connect to the broker at an `amqp://` address, under a name that the broker shows.

    Raises InputError when the address cannot be read.
    """
    unreadable = InputError(
        "the address of the broker cannot be read; write it as amqp://USER:PASSWORD@HOST:5672/VHOST"
    )
    if not url.startswith(("amqp://", "amqps://")):
        raise unreadable
    try:
        parameters = URLParameters(url)
    except (ValueError, TypeError, LookupError):
        # The reason may quote the password.
        raise unreadable from None
    parameters.heartbeat = 10
    parameters.blocked_connection_timeout = 15
    parameters.socket_timeout = 3
    parameters.stack_timeout = 8
    parameters.connection_attempts = 1
    parameters.client_properties = {"connection_name": name}
    return parameters


class BrokerConnection:
    """One connection with one channel.

    Whatever waits raises InfrastructureError when the connection is lost or an answer does not come in time, and
    InputError when the broker refuses for a reason that trying again does not mend.
    """

    def __init__(self, url: str, name: str, tick: Callable[[], None] | None = None) -> None:
        """Connect and open a channel; `tick` is called at least four times a second while waiting."""
        parameters = connection_parameters(url, name)
        self._tick = tick
        self._loop = IOLoop()
        self._services = _Services(self._loop)
        self._until: Callable[[], bool] = _never
        self._fault: BaseException | None = None
        self._channel: Channel | None = None
        self._dropped = False
        self._blocked = False
        self._connection = SelectConnection(
            parameters,
            on_open_callback=lambda _connection: self.progress(),
            on_open_error_callback=self._lost,
            on_close_callback=self._lost,
            custom_ioloop=self._services,
        )
        self._connection.add_on_connection_blocked_callback(lambda _connection, _frame: self._block(True))
        self._connection.add_on_connection_unblocked_callback(lambda _connection, _frame: self._block(False))
        try:
            if not self.wait(lambda: self._connection.is_open, _OPEN_SECONDS):
                raise InfrastructureError("the broker did not answer while connecting")
            self._channel = self.call("opening a channel", self._open_channel)
        except InfrastructureError as fault:
            self.drop()
            raise InfrastructureError(f"{fault}, at {parameters.host}:{parameters.port}") from fault
        except BaseException:
            self.drop()
            raise

    @property
    def channel(self) -> Channel:
        """Return the channel; every callback that is handed to it has to end with `progress`."""
        if self._channel is None:
            raise self._failure() from self._fault
        return self._channel

    @property
    def lost(self) -> bool:
        """Return whether nothing can be sent or received any more."""
        return self._fault is not None

    @property
    def blocked(self) -> bool:
        """Return whether the broker is short of memory or disk and takes no messages."""
        return self._blocked

    @property
    def unsent_bytes(self) -> int:
        """Return how much is waiting for the network to take it."""
        transport = self._services.transport
        return 0 if transport is None else transport.get_write_buffer_size()

    def call(self, what: str, request: Callable[..., object]) -> Any:
        """Make a request, which takes a `callback` for its answer, and return the answer; faults name `what`."""
        answers: list[Any] = []

        def answered(answer: object) -> None:
            answers.append(answer)
            self.progress()

        self.send(lambda: request(callback=answered))
        if not self.wait(lambda: bool(answers), ANSWER_SECONDS):
            raise InfrastructureError(f"the broker did not answer within {ANSWER_SECONDS:g} seconds: {what}")
        return answers[0]

    def send(self, method: Callable[[], object]) -> None:
        """Call a method of the channel."""
        try:
            method()
        except AMQPError as error:
            raise fault_of(self._fault or error) from (self._fault or error)

    def progress(self) -> None:
        """Have a running `wait` look whether what it waits for has come."""
        if self._until():
            self._loop.stop()

    def fail(self, reason: BaseException) -> None:
        """Take the connection for lost."""
        self._channel = None
        # The first reason is the cause; those that follow are its consequences.
        self._fault = self._fault or reason
        self._loop.stop()

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        """Serve the connection until something has come, and return whether it has within so many seconds."""
        deadline = monotonic() + seconds
        served = False
        while not until():
            if self._fault is not None:
                raise self._failure() from self._fault
            remaining_seconds = deadline - monotonic()
            if served and remaining_seconds <= 0:
                return False
            self._run(until, min(max(remaining_seconds, 0.0), _SLICE_SECONDS))
            served = True
            if self._tick is not None:
                self._tick()
        return True

    def serve(self) -> None:
        """Send what is due, heartbeats too, and take what has arrived."""
        self.wait(_never, 0.0)

    def close(self) -> None:
        """Take leave of the broker; without an answer within two seconds, drop the connection."""
        if self._connection.is_open:
            self._connection.close()
            self._until_closed(_CLOSE_SECONDS)
        self.drop()

    def drop(self) -> None:
        """Drop the socket without a word: a quorum queue then keeps the order of what was not acknowledged."""
        if self._dropped:
            return
        self._dropped = True
        self._channel = None
        self._fault = self._fault or InfrastructureError("the connection to the broker was dropped")
        if not (self._connection.is_closed or self._services.cut()):
            # There is no socket yet: pika is still looking for one.
            self._connection.close()
        self._until_closed(_DROP_SECONDS)
        self._services.close()

    def _run(self, until: Callable[[], bool], seconds: float) -> None:
        self._until = until
        timer = self._loop.call_later(seconds, self._loop.stop)
        try:
            self._loop.start()
        except AMQPError as error:
            self._fault = error
        finally:
            self._until = _never
            self._loop.remove_timeout(timer)

    def _open_channel(self, callback: Callable[[Channel], None]) -> None:
        self._connection.channel(on_open_callback=callback).add_on_close_callback(self._lost)

    def _until_closed(self, seconds: float) -> None:
        if not self._connection.is_closed:
            self._run(lambda: self._connection.is_closed, seconds)

    def _block(self, blocked: bool) -> None:
        self._blocked = blocked

    def _lost(self, _lost: object, reason: BaseException) -> None:
        self.fail(reason)

    def _failure(self) -> InputError | InfrastructureError:
        return fault_of(self._fault or InfrastructureError("the channel to the broker is closed"))


@contextmanager
def connected(url: str, name: str) -> Iterator[BrokerConnection]:
    """Connect for as long as the context lasts; what was not acknowledged then goes back in order."""
    connection = BrokerConnection(url, name)
    try:
        yield connection
    finally:
        connection.drop()


class _Services(SelectorIOServicesAdapter):
    """Remembers the transport and the socket, which pika keeps to itself."""

    def __init__(self, loop: IOLoop) -> None:
        super().__init__(cast("AbstractSelectorIOLoop[object]", loop))
        self.transport: AbstractStreamTransport | None = None
        self._socket: socket.socket | None = None

    def create_streaming_connection(
        self,
        protocol_factory: Callable[[], AbstractStreamProtocol],
        sock: socket.socket,
        on_done: Callable[[_Streaming | BaseException], None],
        ssl_context: SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> AbstractIOReference:
        """Make a transport of a connected socket, as the base class does."""
        self._forget()
        # TLS takes the socket over; a duplicate still reaches the connection under it.
        self._socket = sock.dup()

        def made(outcome: _Streaming | BaseException) -> None:
            if not isinstance(outcome, BaseException):
                self.transport = outcome[0]
            on_done(outcome)

        return super().create_streaming_connection(protocol_factory, sock, made, ssl_context, server_hostname)

    def cut(self) -> bool:
        """End the TCP connection, which the loop will notice as the end of what can be read; tell if there was one."""
        if self._socket is None:
            return False
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        return True

    def close(self) -> None:
        """Let go of the loop and the socket."""
        self._forget()
        super().close()

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()


def _never() -> bool:
    return False
