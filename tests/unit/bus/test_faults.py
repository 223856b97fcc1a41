"""Which faults of the broker are worth another try."""

import pytest
from pika.exceptions import (
    AMQPConnectionError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
    StreamLostError,
)

from shared.bus.rabbitmq_connection import connection_parameters
from shared.bus.rabbitmq_faults import fault_of
from shared.contracts.errors import InfrastructureError, InputError

WRONG_PASSWORD = ProbableAuthenticationError(repr(ConnectionClosedByBroker(403, "ACCESS_REFUSED - Login was refused")))
NO_VHOST = ProbableAccessDeniedError(repr(ConnectionClosedByBroker(530, "NOT_ALLOWED - vhost fx not found")))
VHOST_DOWN = ProbableAccessDeniedError(repr(ConnectionClosedByBroker(530, "NOT_ALLOWED - vhost 'fx' is down")))
RESET_WHILE_CONNECTING = ProbableAuthenticationError(repr(StreamLostError("Connection reset by peer")))


@pytest.mark.parametrize(
    "fault",
    [
        WRONG_PASSWORD,
        NO_VHOST,
        ChannelClosedByBroker(403, "ACCESS_REFUSED - access to queue refused"),
        ChannelClosedByBroker(406, "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue"),
    ],
)
def test_what_a_person_has_to_mend_is_final(fault: Exception) -> None:
    assert isinstance(fault_of(fault), InputError)


@pytest.mark.parametrize(
    "fault",
    [
        VHOST_DOWN,
        RESET_WHILE_CONNECTING,
        StreamLostError("Transport indicated EOF"),
        AMQPConnectionError(ConnectionRefusedError(111, "Connection refused")),
        ConnectionClosedByBroker(320, "CONNECTION_FORCED - broker forced connection closure"),
        ConnectionClosedByBroker(541, "INTERNAL_ERROR"),
        ChannelClosedByBroker(404, "NOT_FOUND - no queue"),
        ChannelClosedByBroker(406, "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out"),
    ],
)
def test_what_may_pass_is_tried_again(fault: Exception) -> None:
    assert isinstance(fault_of(fault), InfrastructureError)


@pytest.mark.parametrize("url", ["localhost", "http://localhost", "amqp://h:port", "", "amqp://[::1"])
def test_an_address_that_cannot_be_read_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InputError, match="write it as amqp://USER:PASSWORD@HOST:5672/VHOST"):
        connection_parameters(url, "test")
