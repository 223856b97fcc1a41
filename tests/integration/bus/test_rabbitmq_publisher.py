"""Publishing to a real broker."""

import time

import pytest

from shared.bus.backoff import Backoff
from shared.bus.rabbitmq_publisher import RabbitPublisher, UnroutableError
from shared.bus.rabbitmq_topology import TopologyJob
from shared.bus.topology import Topology, topology
from shared.contracts.errors import InfrastructureError, InputError
from tests.integration.bus.rabbitmq_runs import (
    CHANCE,
    PATIENCE_SECONDS,
    a_wire_message,
    consume_all,
    declare,
    publish,
    ready,
)
from tests.servers.rabbitmq import RabbitServer


@pytest.fixture
def url(vhost_url: str) -> str:
    declare(vhost_url)
    return vhost_url


def publish_singly(url: str, count: int) -> None:
    publisher = RabbitPublisher(url, topology(), "test")
    try:
        for seq in range(1, count + 1):
            publisher.publish([a_wire_message(seq)])
    finally:
        publisher.close()


def publish_until_stored(publisher: RabbitPublisher, seqs: range) -> int:
    """Publish as a relay does, and return how many tries it took."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    tries = 0
    while True:
        tries += 1
        try:
            publisher.publish([a_wire_message(seq) for seq in seqs])
        except InfrastructureError:
            assert time.monotonic() < deadline, "the broker did not come back"
            time.sleep(0.2)
        else:
            return tries


def test_messages_are_stored_when_publishing_returns(url: str) -> None:
    publish(url, [a_wire_message(seq) for seq in range(1, 1_202)])
    assert ready(url) == 1_201


def test_publishing_nothing_needs_no_broker() -> None:
    RabbitPublisher("amqp://guest:guest@127.0.0.1:1/", topology(), "test").publish([])


def test_a_message_that_should_arrive_and_leads_nowhere_is_a_fault(url: str) -> None:
    publisher = RabbitPublisher(url, topology(), "test")
    with pytest.raises(UnroutableError, match=r"no queue takes candle\.closed\.9\.EUR_USD \(1 messages\)"):
        publisher.publish([a_wire_message(1), a_wire_message(2, routing_key="candle.closed.9.EUR_USD")])
    publisher.publish([a_wire_message(3)])
    publisher.close()
    assert [message.seq for message in consume_all(url, 2)] == [1, 3]


def test_a_fact_that_no_queue_takes_yet_is_dropped_in_peace(url: str) -> None:
    publish(url, [a_wire_message(1, type="trade.opened", routing_key="trade.opened.0.EUR_USD")])


def test_a_missing_exchange_is_a_fault_that_says_how_to_mend_it(vhost_url: str) -> None:
    with pytest.raises(InfrastructureError, match="`scalpbot bus declare` makes what is missing"):
        publish(vhost_url, [a_wire_message(1)])


def test_a_full_queue_refuses_what_it_cannot_hold(vhost_url: str) -> None:
    short = topology()
    queues = tuple(
        queue._replace(arguments={**queue.arguments, "x-max-length": 5}) if queue.dead_letters else queue
        for queue in short.queues
    )
    small = Topology(short.exchanges, queues, short.bindings)
    TopologyJob(vhost_url, small, "test").declare(PATIENCE_SECONDS, Backoff(0.1, 1.0, CHANCE), lambda _why: None)
    # A quorum queue tells its publishers that it is full a moment late.
    with pytest.raises(InfrastructureError, match=r"the broker refused to store [0-9]+ messages"):
        publish_singly(vhost_url, 200)


def test_a_publisher_survives_the_restart_of_its_broker_and_loses_nothing(
    rabbit_server: RabbitServer, url: str
) -> None:
    publisher = RabbitPublisher(url, topology(), "test")
    publisher.publish([a_wire_message(seq) for seq in range(1, 11)])
    rabbit_server.restart_gracefully()
    publish_until_stored(publisher, range(11, 21))
    publisher.close()
    received = consume_all(url, 20)
    assert list(dict.fromkeys(message.seq for message in received)) == list(range(1, 21))


def test_a_frozen_broker_is_noticed_in_time_and_the_messages_are_sent_again(
    rabbit_server: RabbitServer, url: str
) -> None:
    publisher = RabbitPublisher(url, topology(), "test", confirm_seconds=1.0)
    publisher.publish([a_wire_message(1)])
    rabbit_server.pause()
    with pytest.raises(InfrastructureError, match=r"the broker did not confirm 2 messages in 1 s"):
        publisher.publish([a_wire_message(2), a_wire_message(3)])
    assert not publisher.connected
    rabbit_server.resume()
    publish_until_stored(publisher, range(2, 4))
    publisher.close()
    received = consume_all(url, 3)
    assert sorted({message.seq for message in received}) == [1, 2, 3]


def test_a_broker_short_of_disk_is_a_fault_until_it_has_some(rabbit_server: RabbitServer, url: str) -> None:
    publish(url, [a_wire_message(1)])
    publisher = RabbitPublisher(url, topology(), "test", confirm_seconds=1.0)
    rabbit_server.raise_alarm()
    try:
        with pytest.raises(InfrastructureError):
            publisher.publish([a_wire_message(2)])
        assert [message.seq for message in consume_all(url, 1)] == [1]
    finally:
        rabbit_server.clear_alarms()
    publish_until_stored(publisher, range(2, 3))
    publisher.close()
    assert {message.seq for message in consume_all(url, 1)} == {2}


def test_an_idle_publisher_notices_that_its_broker_has_gone(rabbit_server: RabbitServer, url: str) -> None:
    publisher = RabbitPublisher(url, topology(), "test")
    publisher.idle()
    publisher.publish([a_wire_message(1)])
    publisher.idle()
    assert publisher.connected
    rabbit_server.stop_serving()

    def idle_for_a_second() -> None:
        for _ in range(100):
            publisher.idle()
            time.sleep(0.01)

    with pytest.raises(InfrastructureError):
        idle_for_a_second()
    assert not publisher.connected


def test_a_wrong_password_is_final(url: str) -> None:
    with pytest.raises(InputError, match="the broker refuses: ACCESS_REFUSED"):
        publish(url.replace("tests:tests", "tests:wrong"), [a_wire_message(1)])
