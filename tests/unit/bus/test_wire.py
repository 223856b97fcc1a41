"""Messages as RabbitMQ carries them."""

from typing import Any

import pytest
from pika.spec import BasicProperties

from shared.bus.wire import message_of, properties_of
from shared.contracts.envelope import Message
from shared.contracts.errors import MessageError
from tests.contract.builders import an_outgoing


def text(_fact: str, _version: int, body: bytes) -> str:
    return body.decode()


@pytest.mark.parametrize("causation_id", [None, "the cause"])
def test_a_message_reads_back_as_it_was_sent(causation_id: str | None) -> None:
    sent = an_outgoing(7)._replace(causation_id=causation_id)
    fields = {name: getattr(sent, name) for name in Message._fields}
    assert message_of(properties_of(sent), sent.body.encode(), text) == Message(**fields)


@pytest.mark.parametrize("name", ["version", "stream", "seq", "pair", "producer"])
def test_an_envelope_without_one_of_its_headers_is_refused(name: str) -> None:
    properties = properties_of(an_outgoing(7))
    properties.headers = {key: value for key, value in (properties.headers or {}).items() if key != name}
    with pytest.raises(MessageError, match=f"the envelope lacks {name}"):
        message_of(properties, b"{}", text)


@pytest.mark.parametrize("seq", ["7", 7.0, True, None, [7]])
def test_a_place_in_the_stream_that_is_not_a_whole_number_is_refused(seq: Any) -> None:
    properties = properties_of(an_outgoing(7))
    properties.headers = {**(properties.headers or {}), "seq": seq}
    with pytest.raises(MessageError, match="the envelope lacks seq"):
        message_of(properties, b"{}", text)


def test_a_message_without_any_envelope_is_refused() -> None:
    with pytest.raises(MessageError, match="the envelope lacks version"):
        message_of(BasicProperties(), b"{}", text)


def test_a_body_beyond_all_measure_is_refused_before_it_is_read() -> None:
    def unread(_fact: str, _version: int, _body: bytes) -> object:
        raise AssertionError

    with pytest.raises(MessageError, match="a body of 300000 bytes is longer than 262144"):
        message_of(properties_of(an_outgoing(7)), b" " * 300_000, unread)
