"""A bus inside one process: synchronous and deterministic, first in, first out.

Every subscription has its own queue. `drain` serves the subscription whose oldest message was published first, a batch
at a time. What a handler publishes joins the queues when it returns; if it raises, its batch stays where it was and its
publications are forgotten, so that a failure leaves nothing half-delivered.
"""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import count, islice
from typing import TypeAlias

from shared.contracts.envelope import Message
from shared.contracts.errors import InvariantError

Handler: TypeAlias = Callable[[Sequence[Message]], None]


class _Subscription:
    def __init__(self, topic: str, consumer_name: str, handler: Handler) -> None:
        self.topic = topic
        self.consumer_name = consumer_name
        self.handler = handler
        self.waiting: deque[tuple[int, Message]] = deque()


class InProcessBus:
    """Deliver messages in the caller's thread, whenever `drain` is called."""

    def __init__(self, max_batch: int = 500) -> None:
        """Take at most `max_batch` messages to a batch."""
        if max_batch < 1:
            raise InvariantError(f"a batch holds at least one message, not {max_batch}")
        self._max_batch = max_batch
        self._subscriptions: list[_Subscription] = []
        self._numbers = count()
        self._published: list[Message] = []
        self._draining = False

    def publish(self, messages: Sequence[Message]) -> None:
        """Queue messages for every subscriber of their type."""
        if self._draining:
            self._published.extend(messages)
        else:
            self._queue(messages)

    def subscribe(self, topic: str, consumer_name: str, handler: Handler) -> None:
        """Hand every later message of the type `topic` to `handler`; raises InvariantError on a second subscription."""
        for subscription in self._subscriptions:
            if (subscription.topic, subscription.consumer_name) == (topic, consumer_name):
                raise InvariantError(f"{consumer_name} subscribed to {topic} before")
        self._subscriptions.append(_Subscription(topic, consumer_name, handler))

    def drain(self) -> int:
        """Deliver until nothing is waiting and return the number of deliveries; what a handler raises comes through."""
        if self._draining:
            raise InvariantError("a handler may publish but not drain the bus that serves it")
        self._draining = True
        delivered = 0
        try:
            while (subscription := self._next()) is not None:
                delivered += self._serve(subscription)
        finally:
            self._draining = False
        return delivered

    def _queue(self, messages: Sequence[Message]) -> None:
        for message in messages:
            number = next(self._numbers)
            for subscription in self._subscriptions:
                if subscription.topic == message.type:
                    subscription.waiting.append((number, message))

    def _next(self) -> _Subscription | None:
        waiting = (subscription for subscription in self._subscriptions if subscription.waiting)
        return min(waiting, key=lambda subscription: subscription.waiting[0][0], default=None)

    def _serve(self, subscription: _Subscription) -> int:
        batch = [message for _, message in islice(subscription.waiting, self._max_batch)]
        try:
            subscription.handler(batch)
            published, self._published = self._published, []
        finally:
            self._published = []
        for _ in batch:
            subscription.waiting.popleft()
        self._queue(published)
        return len(batch)
