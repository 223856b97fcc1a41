"""Consuming from a real broker."""

import time
from collections.abc import Sequence

import pytest

from shared.bus.dead_letters import DeadLetterQueue
from shared.bus.rabbitmq_topology import TopologyJob
from shared.bus.topology import DELIVERY_LIMIT, topology
from shared.contracts.envelope import Message
from shared.contracts.errors import InfrastructureError, InputError
from tests.integration.bus.rabbitmq_runs import (
    DEAD,
    QUEUE,
    Witness,
    a_wire_message,
    as_received,
    consume,
    consume_all,
    declare,
    publish,
    publish_raw,
    ready,
)
from tests.servers.rabbitmq import RabbitServer
from tests.servers.waiting import wait_until


@pytest.fixture
def url(vhost_url: str) -> str:
    declare(vhost_url)
    return vhost_url


class CrashError(Exception):
    """What a process dies of."""


def wait_for_dead_letters(url: str, count: int) -> None:
    wait_until(lambda: ready(url, DEAD) == count, 10.0, f"{count} dead letters")


def test_messages_arrive_whole_once_and_in_order(url: str) -> None:
    messages = [a_wire_message(seq) for seq in range(1, 301)]
    publish(url, messages)
    assert consume_all(url, 300) == [as_received(message) for message in messages]
    assert ready(url) == 0


def test_what_is_waiting_makes_one_batch_up_to_the_prefetch(url: str) -> None:
    publish(url, [a_wire_message(seq) for seq in range(1, 101)])
    witness = Witness()
    received: list[Message] = []
    consume(url, received.extend, lambda: len(received) >= 100, prefetch=30, observer=witness)
    assert max(witness.batches) <= 30
    assert len(witness.batches) < 50


def test_poison_is_dead_lettered_after_one_delivery_and_its_neighbours_are_not(url: str) -> None:
    publish(url, [a_wire_message(1)])
    publish_raw(url, a_wire_message(2), b"{not json")
    publish(url, [a_wire_message(3), a_wire_message(4, version=99), a_wire_message(5)])
    publish_raw(url, a_wire_message(6), b'"' + b"x" * 1_000_000 + b'"')
    publish(url, [a_wire_message(7, type="candle.unheard_of"), a_wire_message(8)])
    witness = Witness()
    received: list[Message] = []
    consume(url, received.extend, lambda: len(received) >= 4, observer=witness)
    wait_for_dead_letters(url, 4)
    letters = DeadLetterQueue(url, QUEUE, "test").letters(10)
    assert [message.seq for message in received] == [1, 3, 5, 8]
    assert [letter.seq for letter in letters] == [2, 4, 6, 7]
    assert {letter.reason for letter in letters} == {"rejected"}
    assert len(witness.rejections) == 4
    assert witness.redelivered == 0


def test_a_message_that_kills_its_consumer_every_time_is_dead_lettered_after_six_deliveries(url: str) -> None:
    publish(url, [a_wire_message(1)])
    deliveries = 0

    def die(messages: Sequence[Message]) -> None:
        nonlocal deliveries
        deliveries += 1
        raise CrashError

    for _ in range(DELIVERY_LIMIT + 1):
        with pytest.raises(CrashError):
            consume(url, die, lambda: False)
    wait_for_dead_letters(url, 1)
    assert [letter.reason for letter in DeadLetterQueue(url, QUEUE, "test").letters(10)] == ["delivery_limit"]
    assert deliveries == 6
    assert ready(url) == 0


def test_a_batch_that_cannot_be_handled_now_is_handled_later_without_another_delivery(url: str) -> None:
    publish(url, [a_wire_message(seq) for seq in (1, 2, 3)])
    witness = Witness()
    tries: list[list[int]] = []

    def handle(messages: Sequence[Message]) -> None:
        tries.append([message.seq for message in messages])
        if len(tries) <= 4:
            raise InfrastructureError("the database is away")

    consume(url, handle, lambda: len(tries) >= 5, observer=witness)
    assert tries[0] == tries[-1]
    assert (witness.redelivered, witness.connections, len(witness.delays)) == (0, 1, 4)
    assert ready(url) == 3 - len(tries[0])


def test_a_long_outage_uses_up_no_deliveries(url: str) -> None:
    publish(url, [a_wire_message(1)])
    witness = Witness()
    handled: list[int] = []
    back_at = time.monotonic() + 4.0

    def handle(messages: Sequence[Message]) -> None:
        if time.monotonic() < back_at:
            raise InfrastructureError("the database is away")
        handled.extend(message.seq for message in messages)

    # Patience for a twentieth of the outage: fetching the message again each time would be more than its limit.
    consume(url, handle, lambda: len(handled) == 2 and witness.connections == 2, observer=witness, patience_seconds=0.2)
    assert handled == [1, 1]
    assert (witness.connections, witness.redelivered) == (2, 1)
    assert (ready(url), ready(url, DEAD)) == (0, 0)


def test_a_stopped_consumer_leaves_the_rest_in_order_to_the_next(url: str) -> None:
    publish(url, [a_wire_message(seq) for seq in range(1, 41)])
    first = consume_all(url, 1, prefetch=7)
    second = consume_all(url, 40 - len(first), prefetch=7)
    assert [message.seq for message in first + second] == list(range(1, 41))


def test_a_fault_of_the_handler_leaves_the_batch_and_all_behind_it_in_order(url: str) -> None:
    publish(url, [a_wire_message(seq) for seq in range(1, 21)])

    def die(messages: Sequence[Message]) -> None:
        raise CrashError

    with pytest.raises(CrashError):
        consume(url, die, lambda: False, prefetch=7)
    assert [message.seq for message in consume_all(url, 20, prefetch=7)] == list(range(1, 21))


def test_ticks_come_while_nothing_does(url: str) -> None:
    ticks: list[float] = []
    until = time.monotonic() + 2.5
    consume(url, lambda _messages: None, lambda: time.monotonic() > until, tick=lambda: ticks.append(time.monotonic()))
    assert len(ticks) >= 5


def test_ticks_come_while_the_broker_is_away(rabbit_server: RabbitServer, url: str) -> None:
    ticks: list[float] = []
    rabbit_server.pause()
    until = time.monotonic() + 3.0
    consume(url, lambda _messages: None, lambda: time.monotonic() > until, tick=lambda: ticks.append(time.monotonic()))
    assert len(ticks) >= 6
    assert time.monotonic() < until + 3.0


def test_a_consumer_passes_over_the_canary_of_a_check(url: str) -> None:
    publish(url, [a_wire_message(1)])
    assert TopologyJob(url, topology(), "test").differences() == []
    publish(url, [a_wire_message(2)])
    assert [message.seq for message in consume_all(url, 2)] == [1, 2]
    wait_until(lambda: ready(url) == 0, 5.0, "an empty queue")
    assert ready(url, DEAD) == 0


def test_a_consumer_goes_on_after_its_broker_was_restarted(rabbit_server: RabbitServer, url: str) -> None:
    publish(url, [a_wire_message(seq) for seq in (1, 2, 3)])
    received: list[int] = []
    witness = Witness()

    def handle(messages: Sequence[Message]) -> None:
        received.extend(message.seq for message in messages)
        if received[-1] == 3 and witness.connections == 1:
            rabbit_server.restart_gracefully()
            publish(url, [a_wire_message(4)])

    consume(url, handle, lambda: 4 in received, prefetch=3, observer=witness)
    assert list(dict.fromkeys(received)) == [1, 2, 3, 4]
    assert witness.connections >= 2


def test_a_missing_queue_is_waited_for_and_named(vhost_url: str) -> None:
    witness = Witness()

    def tick() -> None:
        if len(witness.lost) == 2:
            declare(vhost_url)
            publish(vhost_url, [a_wire_message(1)])
            witness.lost.append("declared")

    received: list[Message] = []
    consume(vhost_url, received.extend, lambda: bool(received), observer=witness, tick=tick)
    assert QUEUE in witness.lost[0]
    assert "`scalpbot bus declare` makes what is missing" in witness.lost[0]


def test_a_wrong_password_ends_the_run(vhost_url: str) -> None:
    with pytest.raises(InputError, match="the broker refuses: ACCESS_REFUSED"):
        consume(vhost_url.replace("tests:tests", "tests:wrong"), lambda _messages: None, lambda: False)
