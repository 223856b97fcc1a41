"""Delays between tries."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.bus.backoff import Backoff, reconnecting


@given(chances=st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_delays_stay_between_half_the_shortest_and_the_longest(chances: list[float]) -> None:
    backoff = reconnecting(iter(chances).__next__)
    assert all(0.25 <= backoff.next_seconds() <= 15.0 for _ in chances)


def test_delays_double_until_they_are_the_longest() -> None:
    backoff = Backoff(0.5, 15.0, lambda: 1.0)
    delays = [backoff.next_seconds() for _ in range(8)]
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]
    assert all(shorter <= longer for shorter, longer in pairwise(delays))


def test_chance_takes_up_to_half_of_a_delay_away() -> None:
    assert Backoff(2.0, 15.0, lambda: 0.0).next_seconds() == 1.0


def test_after_success_the_shortest_delay_comes_first_again() -> None:
    backoff = Backoff(0.5, 15.0, lambda: 1.0)
    backoff.next_seconds()
    backoff.next_seconds()
    backoff.reset()
    assert backoff.next_seconds() == 0.5
