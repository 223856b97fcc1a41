"""Facts leave a service after their commit, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest

from shared.bus.in_process import InProcessBus
from shared.contracts.envelope import Message
from shared.runtime.outgoing import DirectOutgoing, sent_after_commit
from shared.store.port import Transaction
from tests.contract.builders import a_message


@pytest.fixture(name="bus")
def bus_() -> InProcessBus:
    return InProcessBus()


@pytest.fixture(name="published")
def published_(bus: InProcessBus) -> list[Message]:
    """Return what a subscriber has received."""
    received: list[Message] = []
    bus.subscribe(a_message(1).type, "test", received.extend)
    return received


@contextmanager
def a_transaction() -> Iterator[Transaction]:
    yield cast(Transaction, None)


def stage_and_fail(outgoing: DirectOutgoing) -> None:
    with sent_after_commit(outgoing, a_transaction()) as transaction:
        outgoing.stage(transaction, [a_message(1)])
        raise OSError("disk full")


def test_facts_are_sent_after_the_commit(bus: InProcessBus, published: list[Message]) -> None:
    outgoing = DirectOutgoing(bus)
    with sent_after_commit(outgoing, a_transaction()) as transaction:
        outgoing.stage(transaction, [a_message(1)])
        bus.drain()
        assert published == []
    bus.drain()
    assert published == [a_message(1)]


def test_facts_of_a_failed_transaction_are_never_sent(bus: InProcessBus, published: list[Message]) -> None:
    outgoing = DirectOutgoing(bus)
    with pytest.raises(OSError, match="disk"):
        stage_and_fail(outgoing)
    with sent_after_commit(outgoing, a_transaction()) as transaction:
        outgoing.stage(transaction, [a_message(2)])
    bus.drain()
    assert published == [a_message(2)]
