"""Facts leave a service after their commit, or not at all."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest

from shared.contracts.envelope import Message
from shared.runtime.outgoing import DirectOutgoing, sent_after_commit
from shared.store.port import Transaction
from tests.contract.builders import a_message


class Published:
    """A bus that remembers what it was given."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def publish(self, messages: Sequence[Message]) -> None:
        self.messages.extend(messages)

    def subscribe(self, *_: Any) -> None: ...


@contextmanager
def a_transaction() -> Iterator[Transaction]:
    yield cast(Transaction, None)


def stage_and_fail(outgoing: DirectOutgoing) -> None:
    with sent_after_commit(outgoing, a_transaction()) as transaction:
        outgoing.stage(transaction, [a_message(1)])
        raise OSError("disk full")


def test_facts_are_sent_after_the_commit() -> None:
    bus = Published()
    outgoing = DirectOutgoing(bus)
    with sent_after_commit(outgoing, a_transaction()) as transaction:
        outgoing.stage(transaction, [a_message(1)])
        assert bus.messages == []
    assert bus.messages == [a_message(1)]


def test_facts_of_a_failed_transaction_are_never_sent() -> None:
    bus = Published()
    outgoing = DirectOutgoing(bus)
    with pytest.raises(OSError, match="disk"):
        stage_and_fail(outgoing)
    with sent_after_commit(outgoing, a_transaction()) as transaction:
        outgoing.stage(transaction, [a_message(2)])
    assert bus.messages == [a_message(2)]
