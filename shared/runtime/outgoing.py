"""How a service's facts leave it: prepared inside the transaction, sent after its commit."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from shared.bus.in_process import InProcessBus
from shared.contracts.codec import encode_fact
from shared.contracts.envelope import Message, WireMessage
from shared.store.port import Transaction


@contextmanager
def sent_after_commit(outgoing: "Outgoing", transaction: AbstractContextManager[Transaction]) -> Iterator[Transaction]:
    """Enter a transaction; send what was staged in it after its commit, or forget it where it fails."""
    try:
        with transaction as entered:
            yield entered
    except BaseException:
        outgoing.forget()
        raise
    outgoing.publish()


class Outgoing(Protocol):
    """Facts on their way out of a service."""

    def stage(self, transaction: Transaction, messages: Sequence[Message]) -> None:
        """Prepare facts inside the transaction that makes them true."""
        ...

    def publish(self) -> None:
        """Send what was staged, once its transaction has committed."""
        ...

    def forget(self) -> None:
        """Forget what was staged, since its transaction did not commit."""
        ...


class DirectOutgoing:
    """Hand facts to a bus in the same process.

    Nothing is kept for a crash: bus and consumers die together, and each consumer begins by reading what it has not
    handled from its producer's table.
    """

    def __init__(self, bus: InProcessBus) -> None:
        """Send to a bus."""
        self._bus = bus
        self._staged: list[Message] = []

    def stage(self, transaction: Transaction, messages: Sequence[Message]) -> None:  # noqa: ARG002  (the port's)
        """Remember facts until their transaction has committed."""
        self._staged.extend(messages)

    def publish(self) -> None:
        """Hand over what was staged."""
        staged, self._staged = self._staged, []
        self._bus.publish(staged)

    def forget(self) -> None:
        """Forget what was staged."""
        self._staged = []


class OutboxOutgoing:
    """Write facts to the outbox, from which a relay sends them until the broker has confirmed each."""

    def __init__(self, wake_relay: Callable[[], None]) -> None:
        """Wake the relay after each commit."""
        self._wake_relay = wake_relay

    def stage(self, transaction: Transaction, messages: Sequence[Message]) -> None:
        """Write facts to the outbox in the transaction that makes them true."""
        transaction.stage_outbox([WireMessage.of(message, encode_fact(message.body)) for message in messages])

    def publish(self) -> None:
        """Have the relay look at the outbox."""
        self._wake_relay()

    def forget(self) -> None:
        """Do nothing: what was staged went with its transaction."""
