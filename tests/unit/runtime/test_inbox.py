"""A consumer handles what follows its cursor: in order, once, without gaps, whatever arrives."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.inbox import facts_to_handle


class Fact(NamedTuple):
    seq: int
    before: int | None = None

    @property
    def previous_seq(self) -> int:
        return self.seq - 1 if self.before is None else self.before


def seqs(announced: list[int], cursor: int, stored: list[int]) -> list[int]:
    found = facts_to_handle([Fact(seq) for seq in announced], cursor, lambda: [Fact(seq) for seq in stored])
    return [fact.seq for fact in found]


def test_facts_that_continue_the_cursor_are_taken_as_announced() -> None:
    assert seqs([4, 5, 6], 3, stored=[]) == [4, 5, 6]


def test_duplicates_and_old_facts_are_passed_over() -> None:
    assert seqs([2, 3, 4, 4, 5], 3, stored=[]) == [4, 5]
    assert seqs([1, 2, 3], 3, stored=[4]) == []


def test_facts_out_of_order_are_put_in_order() -> None:
    assert seqs([6, 4, 5], 3, stored=[]) == [4, 5, 6]


def test_missing_facts_are_read_from_the_producers_table() -> None:
    assert seqs([5, 6], 3, stored=[4, 5, 6, 7]) == [4, 5, 6, 7]
    assert seqs([4, 6], 3, stored=[4, 5, 6]) == [4, 5, 6]


def test_without_announcement_the_producers_table_is_read() -> None:
    assert seqs([], 3, stored=[4, 5]) == [4, 5]


def test_a_gap_in_the_producers_table_is_not_jumped() -> None:
    assert seqs([], 3, stored=[4, 6]) == [4]
    assert seqs([], 3, stored=[5]) == []


def test_facts_of_a_partition_follow_each_other_although_their_places_do_not() -> None:
    share = [Fact(2, 0), Fact(3, 2), Fact(7, 3), Fact(9, 7)]
    assert facts_to_handle(share[1:3], 2, list) == share[1:3]
    assert facts_to_handle(share[2:], 2, lambda: share[1:]) == share[1:]
    assert facts_to_handle([share[1], share[3]], 2, lambda: [share[1], share[3]]) == [share[1]]


@given(st.lists(st.integers(1, 30), max_size=40), st.integers(0, 20), st.integers(0, 30))
def test_whatever_arrives_the_cursor_moves_on_without_gap_or_repetition(
    announced: list[int], cursor: int, produced: int
) -> None:
    known = [seq for seq in announced if seq <= produced]
    found = seqs(known, cursor, list(range(cursor + 1, produced + 1)))
    assert found == list(range(cursor + 1, cursor + 1 + len(found)))
    assert set(found) >= {seq for seq in known if seq > cursor}
