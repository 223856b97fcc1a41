"""The port of the bus: what a service may rely on, whichever adapter carries its messages."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from shared.contracts.envelope import Message

Handler: TypeAlias = Callable[[Sequence[Message]], None]


class Bus(Protocol):
    """Carry facts from a producer to every consumer that subscribed to their type."""

    def publish(self, messages: Sequence[Message]) -> None:
        """Hand over facts in order; a fact that nobody subscribed to is dropped."""
        ...

    def subscribe(self, topic: str, consumer_name: str, handler: Handler) -> None:
        """Have every later fact of the type `topic` handed to `handler`, in batches.

        Returning from the handler acknowledges the batch. Raises InvariantError when this consumer subscribed before.
        """
        ...
