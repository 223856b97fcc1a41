"""What every bus must do; a subclass brings the fixture `bus` and says how to `deliver` what was published."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import pytest

from shared.bus.port import Bus
from shared.contracts.envelope import Message
from shared.contracts.errors import InvariantError
from tests.contract.builders import a_message

SomeBus = TypeVar("SomeBus", bound=Bus)


class BusContract(ABC, Generic[SomeBus]):
    """Behaviour that services rely on, whichever adapter carries their messages."""

    @abstractmethod
    def deliver(self, bus: SomeBus) -> None:
        """Return when everything published so far was handled."""

    def test_messages_arrive_whole_and_in_the_order_of_publishing(self, bus: SomeBus) -> None:
        received: list[Message] = []
        bus.subscribe("candle.closed", "strategy", received.extend)
        messages = [a_message(seq) for seq in range(1, 8)]
        bus.publish(messages)
        self.deliver(bus)
        assert received == messages

    def test_every_subscriber_of_a_topic_gets_every_message(self, bus: SomeBus) -> None:
        strategy: list[Message] = []
        recorder: list[Message] = []
        bus.subscribe("candle.closed", "strategy", strategy.extend)
        bus.subscribe("candle.closed", "recorder", recorder.extend)
        bus.publish([a_message(1), a_message(2)])
        self.deliver(bus)
        assert strategy == recorder == [a_message(1), a_message(2)]

    def test_a_subscriber_gets_nothing_of_other_topics(self, bus: SomeBus) -> None:
        received: list[Message] = []
        bus.subscribe("candle.assessed", "executor", received.extend)
        bus.publish([a_message(1, "candle.closed"), a_message(1, "candle.assessed")])
        self.deliver(bus)
        assert received == [a_message(1, "candle.assessed")]

    def test_what_a_handler_publishes_is_delivered_too(self, bus: SomeBus) -> None:
        received: list[Message] = []

        def assess(messages: Sequence[Message]) -> None:
            bus.publish([a_message(message.seq, "candle.assessed") for message in messages])

        bus.subscribe("candle.closed", "strategy", assess)
        bus.subscribe("candle.assessed", "executor", received.extend)
        bus.publish([a_message(1), a_message(2)])
        self.deliver(bus)
        assert received == [a_message(1, "candle.assessed"), a_message(2, "candle.assessed")]

    def test_a_fact_without_subscribers_is_dropped(self, bus: SomeBus) -> None:
        received: list[Message] = []
        bus.publish([a_message(1)])
        bus.subscribe("candle.closed", "strategy", received.extend)
        self.deliver(bus)
        assert received == []

    def test_a_consumer_may_subscribe_to_a_topic_once(self, bus: SomeBus) -> None:
        bus.subscribe("candle.closed", "strategy", lambda _messages: None)
        with pytest.raises(InvariantError, match=r"strategy subscribed to candle\.closed before"):
            bus.subscribe("candle.closed", "strategy", lambda _messages: None)
