"""Quotes through a real broker."""

import time
from collections.abc import Iterator, Mapping

import pytest

from shared.bus.backoff import Backoff
from shared.bus.rabbitmq_quotes import QuotePublisher, QuoteSubscription
from tests.integration.bus.rabbitmq_runs import CHANCE, PATIENCE_SECONDS, declare
from tests.servers.rabbitmq import RabbitServer


def backoff() -> Backoff:
    return Backoff(0.1, 0.5, CHANCE)


@pytest.fixture
def subscription(vhost_url: str) -> Iterator[QuoteSubscription]:
    declare(vhost_url)
    subscription = QuoteSubscription(vhost_url, "test executor", backoff())
    assert subscription.take(0.0) == {}
    yield subscription
    subscription.close()


@pytest.fixture
def publisher(vhost_url: str) -> Iterator[QuotePublisher]:
    publisher = QuotePublisher(vhost_url, "test ingest", backoff())
    yield publisher
    publisher.close()


def test_the_newest_quote_of_each_pair_is_taken(subscription: QuoteSubscription, publisher: QuotePublisher) -> None:
    for number in range(3):
        assert publisher.publish("EUR_USD", f'{{"number":{number}}}', 1_399_507_200)
    assert publisher.publish("USD_JPY", "{}", 1_399_507_200)
    taken: dict[str, bytes] = {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "USD_JPY" not in taken:
        assert time.monotonic() < deadline
        taken.update(subscription.take(0.2))
    assert taken == {"EUR_USD": b'{"number":2}', "USD_JPY": b"{}"}
    assert subscription.take(0.0) == {}


def test_quotes_are_dropped_while_nobody_listens(vhost_url: str, publisher: QuotePublisher) -> None:
    declare(vhost_url)
    assert publisher.publish("EUR_USD", '{"late":true}', 1_399_507_200)
    subscription = QuoteSubscription(vhost_url, "test executor", backoff())
    assert subscription.take(0.3) == {}
    subscription.close()


def test_quotes_flow_again_after_the_broker_was_restarted(
    rabbit_server: RabbitServer, subscription: QuoteSubscription, publisher: QuotePublisher
) -> None:
    assert publisher.publish("EUR_USD", "1", 1_399_507_200)
    rabbit_server.stop_serving()
    assert subscription.take(0.5).keys() <= {"EUR_USD"}
    assert not publisher.publish("EUR_USD", "2", 1_399_507_200)
    rabbit_server.start()
    taken: Mapping[str, bytes] = {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not taken:
        assert time.monotonic() < deadline
        publisher.publish("EUR_USD", "3", 1_399_507_200)
        taken = subscription.take(0.2)
    assert taken == {"EUR_USD": b"3"}
