"""How a service's facts leave it: prepared inside the transaction, sent after its commit."""

from collections.abc import Sequence
from typing import Protocol

from shared.bus.port import Bus
from shared.contracts.envelope import Message
from shared.store.port import Transaction


class Outgoing(Protocol):
    """Facts on their way out of a service."""

    def stage(self, transaction: Transaction, messages: Sequence[Message]) -> None:
        """Prepare facts inside the transaction that makes them true."""
        ...

    def publish(self) -> None:
        """Send what was staged, once its transaction has committed."""
        ...


class DirectOutgoing:
    """Hand facts to a bus in the same process.

    Nothing is kept for a crash: bus and consumers die together, and each consumer begins by reading what it has not
    handled from its producer's table.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._staged: list[Message] = []

    def stage(self, transaction: Transaction, messages: Sequence[Message]) -> None:  # noqa: ARG002  (the port's)
        """Remember facts until their transaction has committed."""
        self._staged.extend(messages)

    def publish(self) -> None:
        """Hand over what was staged."""
        staged, self._staged = self._staged, []
        self._bus.publish(staged)
