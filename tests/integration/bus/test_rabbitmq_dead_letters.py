"""Dead letters on a real broker."""

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from services.cli import main
from shared.bus.dead_letters import DeadLetterQueue, Origin
from shared.bus.rabbitmq_topology import TopologyJob
from shared.bus.topology import DELIVERY_LIMIT, topology
from shared.contracts.envelope import Message
from shared.contracts.errors import InputError
from shared.store.sql_store import open_store
from tests.fixtures.new_store import new_sqlite
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
from tests.published import published
from tests.servers.waiting import wait_until

POISON = (1, 2, 3)


class CrashError(Exception):
    """What a process dies of."""


@pytest.fixture
def url(vhost_url: str) -> str:
    """Return the address of a vhost with three dead letters."""
    declare(vhost_url)
    publish(vhost_url, [a_wire_message(seq, version=99) for seq in POISON])
    die(vhost_url, len(POISON))
    return vhost_url


def die(url: str, count: int) -> None:
    """Consume messages that cannot be understood until so many more are dead letters."""
    before = ready(url, DEAD)
    witness = Witness()
    consume(url, lambda _messages: None, lambda: len(witness.rejections) >= count, observer=witness)
    wait_until(lambda: ready(url, DEAD) == before + count, 10.0, f"{before + count} dead letters")


def seqs(url: str) -> list[int | None]:
    return [letter.seq for letter in DeadLetterQueue(url, QUEUE, "test").letters(100)]


def test_letters_are_shown_with_their_story_and_stay(url: str) -> None:
    for _ in range(25):  # RabbitMQ 4 drops what was delivered more than 20 times, unless the queue says otherwise
        letters = DeadLetterQueue(url, QUEUE, "test").letters(100)
    assert [letter.seq for letter in letters] == list(POISON)
    first = letters[0]
    assert (first.type, first.pair, first.reason, first.body) == ("candle.closed", "EUR_USD", "rejected", b"1")
    assert first.origin == Origin("scalpbot", "candle.closed.0.EUR_USD")
    assert first.died_at is not None
    wait_until(lambda: ready(url, DEAD) == 3, 5.0, "the letters to be back")


def test_only_the_oldest_are_shown_where_a_limit_says_so(url: str) -> None:
    assert [letter.seq for letter in DeadLetterQueue(url, DEAD, "test").letters(2)] == [1, 2]
    assert DeadLetterQueue(url, DEAD, "test").letters(0) == []


def test_replayed_letters_arrive_as_they_were_first_sent(vhost_url: str) -> None:
    declare(vhost_url)
    publish_raw(vhost_url, a_wire_message(1), b"{not json")
    die(vhost_url, 1)
    publish(vhost_url, [a_wire_message(2, version=99)])
    die(vhost_url, 1)
    assert DeadLetterQueue(vhost_url, QUEUE, "test").replay() == 2
    witness = Witness()
    consume(vhost_url, lambda _messages: None, lambda: len(witness.rejections) == 2, observer=witness)
    assert witness.redelivered == 0


def test_a_letter_that_is_understood_now_is_handled_after_its_replay(vhost_url: str) -> None:
    declare(vhost_url)
    publish(vhost_url, [a_wire_message(1)])

    def die_of_it(_messages: Sequence[Message]) -> None:
        raise CrashError

    for _ in range(DELIVERY_LIMIT + 1):
        with pytest.raises(CrashError):
            consume(vhost_url, die_of_it, lambda: False)
    wait_until(lambda: ready(vhost_url, DEAD) == 1, 10.0, "a dead letter")
    assert DeadLetterQueue(vhost_url, QUEUE, "test").replay() == 1
    assert consume_all(vhost_url, 1) == [as_received(a_wire_message(1))]
    assert (ready(vhost_url), ready(vhost_url, DEAD)) == (0, 0)


def test_a_limited_replay_leaves_the_rest(url: str) -> None:
    assert DeadLetterQueue(url, QUEUE, "test").replay(limit=2) == 2
    assert seqs(url) == [3]
    assert ready(url) == 2


def test_a_replay_does_not_run_in_a_circle(url: str) -> None:
    assert DeadLetterQueue(url, QUEUE, "test").replay() == 3
    die(url, 3)
    assert DeadLetterQueue(url, QUEUE, "test").replay() == 3


def test_letters_are_dropped_oldest_first(url: str) -> None:
    letters = DeadLetterQueue(url, QUEUE, "test")
    assert letters.drop(limit=1) == 1
    assert seqs(url) == [2, 3]
    assert letters.drop() == 2
    assert letters.count() == 0


def test_a_check_of_the_broker_leaves_no_letter(url: str) -> None:
    assert TopologyJob(url, topology(), "test").differences() == []
    assert seqs(url) == list(POISON)


def test_a_queue_that_does_not_exist_is_named(url: str) -> None:
    with pytest.raises(InputError, match=r"there is no queue nonsense\.dead on the broker"):
        DeadLetterQueue(url, "nonsense", "test").drop()


def test_the_verbs_list_replay_and_drop(
    url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = new_sqlite(tmp_path / "paper.db")
    monkeypatch.setenv("DATABASE_URL", database)
    assert main(["dlq", "list", "--url", url, "--json"]) == 0
    strategy, executor = published("dlq list", capsys.readouterr().out)
    assert (strategy["queue"], strategy["messages"], executor["messages"]) == (DEAD, 3, 0)
    assert [letter["reason"] for letter in strategy["letters"]] == ["rejected"] * 3
    assert main(["dlq", "list", "--url", url]) == 0
    assert "rejected" in capsys.readouterr().out
    assert main(["dlq", "replay", QUEUE, "--limit", "1", "--url", url]) == 0
    assert capsys.readouterr().out == "1 dead letters of strategy.candles.0.dead replayed.\n"
    assert main(["dlq", "drop", QUEUE, "--url", url, "--json"]) == 0
    assert published("dlq drop", capsys.readouterr().out) == {"ok": True, "queue": DEAD, "dropped": 2}
    with closing(open_store(database)) as store, store.reading() as reader:
        recorded = [(row.actor, row.action, json.loads(row.detail_json)) for row in reader.audit_in_order()]
    assert recorded == [
        ("cli", "dead_letters.replayed", {"queue": DEAD, "messages": 1}),
        ("cli", "dead_letters.dropped", {"queue": DEAD, "messages": 2}),
    ]
