"""The bus inside one process: every subscriber, batches, one order, and nothing half-delivered."""

from collections.abc import Sequence

import pytest

from shared.bus.in_process import InProcessBus
from shared.contracts.envelope import Message
from shared.contracts.errors import InvariantError
from tests.contract.builders import a_message


@pytest.fixture(name="bus")
def bus_() -> InProcessBus:
    return InProcessBus(max_batch=3)


def test_messages_arrive_whole_and_in_the_order_of_publishing(bus: InProcessBus) -> None:
    received: list[Message] = []
    bus.subscribe("candle.closed", "strategy", received.extend)
    messages = [a_message(seq) for seq in range(1, 8)]
    bus.publish(messages)
    bus.drain()
    assert received == messages


def test_every_subscriber_of_a_topic_gets_every_message(bus: InProcessBus) -> None:
    strategy: list[Message] = []
    recorder: list[Message] = []
    bus.subscribe("candle.closed", "strategy", strategy.extend)
    bus.subscribe("candle.closed", "recorder", recorder.extend)
    bus.publish([a_message(1), a_message(2)])
    bus.drain()
    assert strategy == recorder == [a_message(1), a_message(2)]


def test_a_subscriber_gets_nothing_of_other_topics(bus: InProcessBus) -> None:
    received: list[Message] = []
    bus.subscribe("candle.assessed", "executor", received.extend)
    bus.publish([a_message(1, "candle.closed"), a_message(1, "candle.assessed")])
    bus.drain()
    assert received == [a_message(1, "candle.assessed")]


def test_what_a_handler_publishes_is_delivered_too(bus: InProcessBus) -> None:
    received: list[Message] = []

    def assess(messages: Sequence[Message]) -> None:
        bus.publish([a_message(message.seq, "candle.assessed") for message in messages])

    bus.subscribe("candle.closed", "strategy", assess)
    bus.subscribe("candle.assessed", "executor", received.extend)
    bus.publish([a_message(1), a_message(2)])
    bus.drain()
    assert received == [a_message(1, "candle.assessed"), a_message(2, "candle.assessed")]


def test_a_fact_without_subscribers_is_dropped(bus: InProcessBus) -> None:
    received: list[Message] = []
    bus.publish([a_message(1)])
    bus.subscribe("candle.closed", "strategy", received.extend)
    bus.drain()
    assert received == []


def test_a_consumer_may_subscribe_to_a_topic_once(bus: InProcessBus) -> None:
    bus.subscribe("candle.closed", "strategy", lambda _messages: None)
    with pytest.raises(InvariantError, match=r"strategy subscribed to candle\.closed before"):
        bus.subscribe("candle.closed", "strategy", lambda _messages: None)


def test_no_batch_is_larger_than_the_limit() -> None:
    bus = InProcessBus(max_batch=4)
    sizes: list[int] = []
    bus.subscribe("candle.closed", "strategy", lambda batch: sizes.append(len(batch)))
    bus.publish([a_message(seq) for seq in range(1, 11)])
    assert bus.drain() == 10
    assert sizes == [4, 4, 2]


def test_nothing_is_delivered_before_the_bus_is_drained() -> None:
    bus = InProcessBus()
    received: list[Message] = []
    bus.subscribe("candle.closed", "strategy", received.extend)
    bus.publish([a_message(1)])
    assert received == []
    assert bus.drain() == 1


def test_deliveries_follow_the_order_of_publishing_across_topics() -> None:
    bus = InProcessBus(max_batch=1)
    order: list[tuple[str, int]] = []

    def note(batch: Sequence[Message]) -> None:
        order.extend((message.type, message.seq) for message in batch)

    bus.subscribe("candle.assessed", "executor", note)
    bus.subscribe("candle.closed", "strategy", note)
    bus.publish([a_message(1, "candle.closed"), a_message(1, "candle.assessed"), a_message(2, "candle.closed")])
    bus.drain()
    assert order == [("candle.closed", 1), ("candle.assessed", 1), ("candle.closed", 2)]


def test_a_failing_handler_keeps_its_batch_and_its_publications_are_forgotten() -> None:
    bus = InProcessBus()
    assessed: list[Message] = []
    attempts = iter([True, False])

    def assess(batch: Sequence[Message]) -> None:
        bus.publish([a_message(message.seq, "candle.assessed") for message in batch])
        if next(attempts):
            raise RuntimeError("the machine is on fire")

    bus.subscribe("candle.closed", "strategy", assess)
    bus.subscribe("candle.assessed", "executor", assessed.extend)
    bus.publish([a_message(1)])
    with pytest.raises(RuntimeError, match="on fire"):
        bus.drain()
    assert assessed == []
    assert bus.drain() == 2
    assert assessed == [a_message(1, "candle.assessed")]


def test_a_failing_subscriber_takes_nothing_from_the_others() -> None:
    bus = InProcessBus()
    received: list[Message] = []

    def fail(_batch: Sequence[Message]) -> None:
        raise RuntimeError("the machine is on fire")

    bus.subscribe("candle.closed", "recorder", received.extend)
    bus.subscribe("candle.closed", "strategy", fail)
    bus.publish([a_message(1)])
    for _ in range(2):
        with pytest.raises(RuntimeError, match="on fire"):
            bus.drain()
    assert received == [a_message(1)]


def test_a_handler_may_not_drain_the_bus_that_serves_it() -> None:
    bus = InProcessBus()

    def drain(_batch: Sequence[Message]) -> None:
        bus.drain()

    bus.subscribe("candle.closed", "strategy", drain)
    bus.publish([a_message(1)])
    with pytest.raises(InvariantError, match="not drain"):
        bus.drain()
