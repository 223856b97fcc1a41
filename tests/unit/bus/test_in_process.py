"""What the in-process bus promises beyond any bus: batches, one order, and nothing half-delivered."""

from collections.abc import Sequence

import pytest

from shared.bus.in_process import InProcessBus
from shared.contracts.envelope import Message
from shared.contracts.errors import InvariantError
from tests.contract.builders import a_message


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
    assert (received, bus.waiting()) == ([], 1)


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
    assert (assessed, bus.waiting()) == ([], 1)
    bus.drain()
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
