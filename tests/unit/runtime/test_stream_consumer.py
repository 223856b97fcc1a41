"""A consumer leads its work along a stream: a long backlog can be left, and what came before is counted."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from shared.contracts.envelope import Message
from shared.runtime.consumer import StreamConsumer
from shared.runtime.outgoing import OutboxOutgoing, Outgoing
from shared.store.port import Reader, Store, Transaction
from shared.store.sql_store import open_store
from tests.fixtures.new_store import new_sqlite

BACKLOG = 1_200


class Numbered(NamedTuple):
    seq: int
    told: object = None

    @property
    def previous_seq(self) -> int:
        return self.seq - 1


class Noting:
    """Work that notes what it is given; the producer's table holds a backlog."""

    service = "noting"
    stream = "numbers.0"

    def __init__(self, stored: Sequence[int] = range(1, BACKLOG + 1)) -> None:
        self.handled: list[int] = []
        self.told: list[object] = []
        self.stored = stored
        self.restored = 0
        self.current = True

    def facts_in(self, messages: Sequence[Message]) -> list[Numbered]:
        return [Numbered(message.seq, message.body) for message in messages]

    def stored_after(self, reader: Reader, cursor: int, limit: int) -> list[Numbered]:
        return [Numbered(seq) for seq in self.stored if seq > cursor][:limit]

    def restore(self, reader: Reader) -> None:
        """Have no state, and count how often it is taken up."""
        self.restored += 1

    def is_current(self, reader: Reader) -> bool:
        return self.current

    def apply(self, transaction: Transaction, facts: Sequence[Numbered], outgoing: Outgoing) -> None:
        self.handled += [fact.seq for fact in facts]
        self.told += [fact.told for fact in facts]


@pytest.fixture(name="store")
def store_(tmp_path: Path) -> Iterator[Store]:
    url = new_sqlite(tmp_path / "consumer.db")
    store = open_store(url)
    yield store
    store.close()


def consumer_of(store: Store, work: Noting, **hooks: Callable[..., object]) -> StreamConsumer[Noting]:
    return StreamConsumer(store, OutboxOutgoing(lambda: None), work, **hooks)  # type: ignore[arg-type]


def message(seq: int, told: object = None) -> Message:
    return Message("id", "number", 1, 0, "id", None, "test", "numbers.0", seq, "EUR_USD", told)


def test_whole_backlog_is_handled_in_order(store: Store) -> None:
    work = Noting()
    assert consumer_of(store, work).catch_up() == BACKLOG
    assert work.handled == list(range(1, BACKLOG + 1))


def test_backlog_of_one_fact_more_than_a_batch_is_handled_and_counted(store: Store) -> None:
    work = Noting(stored=range(1, 502))
    assert consumer_of(store, work).catch_up() == 501
    assert work.handled == list(range(1, 502))


def test_long_backlog_can_be_left_after_any_batch(store: Store) -> None:
    work = Noting()
    done = consumer_of(store, work).catch_up_a_batch()
    assert 0 < done < BACKLOG
    assert consumer_of(store, work).catch_up() == BACKLOG - done
    assert work.handled == list(range(1, BACKLOG + 1))


def test_facts_that_were_handled_before_are_counted_and_have_no_effect(store: Store) -> None:
    work = Noting()
    seen: list[tuple[int, int]] = []
    consumer = consumer_of(store, work, observe=lambda announced, handled: seen.append((announced, handled)))
    consumer.handle([message(1), message(2)])
    consumer.handle([message(2), message(1)])
    consumer.handle([message(2), message(3)])
    assert work.handled == [1, 2, 3]
    assert seen == [(2, 2), (2, 0), (2, 1)]


def test_facts_that_came_before_one_in_front_of_them_follow_at_once_when_it_comes(store: Store) -> None:
    stored = [1, 3, 4]
    work = Noting(stored)
    consumer = consumer_of(store, work)
    consumer.handle([message(1), message(3), message(4)])
    assert work.handled == [1]
    stored[1:1] = [2]
    consumer.handle([message(2)])
    assert work.handled == [1, 2, 3, 4]


@pytest.mark.parametrize("patience", [0, 3])
def test_ten_thousand_facts_that_came_too_early_follow_at_once_when_the_missing_one_comes(
    store: Store, patience: int
) -> None:
    stored: list[int] = []
    work = Noting(stored)
    consumer = StreamConsumer(store, OutboxOutgoing(lambda: None), work, patience=patience)
    consumer.handle([message(seq) for seq in range(2, 10_002)])
    assert work.handled == []
    if not patience:
        stored += range(1, 10_002)
    consumer.handle([message(1)])
    assert work.handled == list(range(1, 10_002))


def test_a_fact_from_nowhere_makes_no_work_later(store: Store) -> None:
    reads: list[int] = []

    class Counting(Noting):
        def stored_after(self, reader: Reader, cursor: int, limit: int) -> list[Numbered]:
            reads.append(cursor)
            return super().stored_after(reader, cursor, limit)

    consumer = consumer_of(store, Counting([1]))
    consumer.handle([message(1)])
    consumer.handle([message(1_000_000)])
    consumer.handle([message(2)])
    assert reads == [1]


def test_state_is_taken_up_again_where_another_process_has_changed_it_between_two_facts(store: Store) -> None:
    work = Noting()
    consumer = consumer_of(store, work)
    consumer.handle([message(1)])
    consumer.handle([message(2)])
    consumer.interject(lambda _transaction, _cursor, _outgoing: None)
    assert work.restored == 1
    work.current = False
    consumer.handle([message(3)])
    consumer.interject(lambda _transaction, _cursor, _outgoing: None)
    assert work.restored == 3


def test_a_patient_consumer_keeps_what_came_too_early_and_reads_no_table(store: Store) -> None:
    work = Noting()
    work.stored_after = lambda *_others: pytest.fail("the table is read")  # type: ignore[method-assign]
    counted: list[tuple[int, int]] = []
    consumer = StreamConsumer(
        store, OutboxOutgoing(lambda: None), work, observe=lambda *what: counted.append(what), patience=3
    )
    # Two producers that take turns, each with a batch of its own.
    consumer.handle([message(seq) for seq in (2, 4, 6)])
    consumer.handle([message(seq) for seq in (1, 3)])
    assert work.handled == [1, 2, 3, 4]
    consumer.handle([message(seq) for seq in (2, 4, 5)])
    assert work.handled == [1, 2, 3, 4, 5, 6]
    assert counted == [(0, 0), (4, 4), (4, 2)], "two came twice"


@pytest.mark.parametrize("before", [0, 1])
def test_patience_ends_where_the_missing_fact_does_not_come(store: Store, before: int) -> None:
    work = Noting(stored=range(1, 9))
    consumer = StreamConsumer(store, OutboxOutgoing(lambda: None), work, patience=3)
    came = list(range(1, before + 1))
    consumer.handle([message(seq) for seq in came])
    for seq in (2, 3, 4):
        consumer.handle([message(before + seq)])
        assert work.handled == came
    consumer.handle([message(before + 5)])
    assert work.handled == [1, 2, 3, 4, 5, 6, 7, 8]
    # Those that were kept are behind by now.
    consumer.handle([message(9)])
    assert work.handled == list(range(1, 10))


def test_a_patient_consumer_reads_no_table_for_a_gap_behind_a_whole_batch(store: Store) -> None:
    work = Noting(stored=range(1, 700))
    consumer = StreamConsumer(store, OutboxOutgoing(lambda: None), work, patience=3)
    consumer.handle([message(seq) for seq in (*range(2, 601), 602)])
    consumer.handle([message(1)])
    assert work.handled == list(range(1, 601)), "601 is on its way"
    consumer.handle([message(601)])
    assert work.handled == list(range(1, 603))


def test_a_patient_consumer_goes_on_in_batches_and_after_another_process(store: Store) -> None:
    work = Noting(stored=[])
    consumer = StreamConsumer(store, OutboxOutgoing(lambda: None), work, patience=3)
    consumer.handle([message(seq) for seq in range(2, BACKLOG + 1)])
    consumer.handle([message(1)])
    assert work.handled == list(range(1, BACKLOG + 1))
    with store.transaction() as transaction:
        transaction.save_cursor("noting", "numbers.0", BACKLOG + 10)
    consumer.handle([message(BACKLOG + 1), message(BACKLOG + 11)])
    assert work.handled[-1] == BACKLOG + 11
    assert work.restored == 2


def test_a_batch_that_failed_is_handled_by_a_patient_consumer_once_it_can_be(store: Store) -> None:
    work = Noting(stored=range(1, 4))
    faults = iter([True])

    def dies(place: str) -> None:
        if place.endswith("before_commit") and next(faults, False):
            raise OSError("the disk is full")

    consumer = StreamConsumer(store, OutboxOutgoing(lambda: None), work, crash=dies, patience=3)
    with pytest.raises(OSError, match="full"):
        consumer.handle([message(1), message(2)])
    work.handled.clear()
    consumer.handle([message(1), message(2), message(3)])
    assert work.handled == [1, 2, 3]


@pytest.mark.parametrize("patience", [0, 3])
def test_what_is_stored_decides_where_others_may_announce(store: Store, patience: int) -> None:
    work = Noting(stored=[1, 2, 3])
    refuted: list[int] = []
    consumer = StreamConsumer(store, OutboxOutgoing(lambda: None), work, patience=patience, refuted=refuted.append)
    consumer.handle([message(1), message(2, "made up")])
    assert (work.handled, work.told) == ([1, 2], [None, None])
    assert refuted == [1]
    consumer.handle([message(3)])
    assert (work.handled, refuted) == ([1, 2, 3], [1])


@pytest.mark.parametrize("patience", [0, 3])
def test_facts_that_nobody_stored_have_no_effect_and_the_true_ones_follow(store: Store, patience: int) -> None:
    stored: list[int] = []
    work = Noting(stored)
    refuted: list[int] = []
    consumer = StreamConsumer(store, OutboxOutgoing(lambda: None), work, patience=patience, refuted=refuted.append)
    consumer.handle([message(1, "made up"), message(2, "made up")])
    assert (work.handled, refuted) == ([], [2])
    stored += [1, 2, 3]
    consumer.handle([message(1), message(2), message(3)])
    assert (work.handled, work.told) == ([1, 2, 3], [None] * 3)
