"""OANDA is never asked more often than it allows, and pauses between tries grow, vary and end."""

from hypothesis import given
from hypothesis import strategies as st

from shared.oanda.limits import RateLimiter, oanda_limits
from shared.oanda.retries import RetryPauses, Trouble, retry_after_seconds
from tests.unit.oanda.stand_in import FakeTime


@given(st.lists(st.floats(0, 2), max_size=60), st.integers(1, 5))
def test_no_second_holds_more_turns_than_allowed(gaps: list[float], most_turns: int) -> None:
    time = FakeTime()
    limiter = RateLimiter(most_turns, 1.0, time.read, time.sleep)
    turns = []
    for gap in gaps:
        time.now += gap
        limiter.wait()
        turns.append(time.now)
    for earlier, later in zip(turns, turns[most_turns:], strict=False):
        assert later - earlier >= 1.0 - 1e-9


def test_turns_within_the_limit_do_not_wait() -> None:
    time = FakeTime()
    limits = oanda_limits(time.read, time.sleep)
    assert [limits.requests.wait() for _ in range(100)] == [0.0] * 100
    assert limits.requests.wait() > 1.0
    assert [limits.connections.wait() for _ in range(2)] == [0.0] * 2
    assert limits.connections.wait() > 1.0


def test_pauses_double_to_a_ceiling_and_end_with_patience() -> None:
    time = FakeTime()
    pauses = RetryPauses(60.0, time.read, lambda: 1.0)
    slept = []
    while (pause := pauses.next_seconds(Trouble("HTTP 503", 503))) is not None:
        slept.append(pause)
        time.sleep(pause)
    assert slept == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    assert pauses.tries == 8


@given(st.floats(0, 1))
def test_a_pause_lies_anywhere_up_to_its_ceiling_but_is_never_nothing(jitter: float) -> None:
    pause = RetryPauses(60.0, FakeTime().read, lambda: jitter).next_seconds(Trouble("HTTP 503", 503))
    assert pause == max(0.05, jitter * 0.5)


def test_pause_is_as_long_as_the_server_asks_for_and_asking_ends_where_that_is_too_long() -> None:
    pauses = RetryPauses(30.0, FakeTime().read, lambda: 0.0)
    assert pauses.next_seconds(Trouble("HTTP 429", 429, 7.0)) == 7.0
    assert pauses.next_seconds(Trouble("HTTP 429", 429, 31.0)) is None


def test_refused_token_is_tried_three_more_times_over_more_than_three_seconds() -> None:
    pauses = RetryPauses(0.0, FakeTime().read, lambda: 0.0)
    given_pauses = [pauses.next_seconds(Trouble("HTTP 401", 401, unauthorized=True)) for _ in range(4)]
    assert given_pauses == [0.5, 1.0, 2.0, None]


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    assert retry_after_seconds({"retry-after": "3"}, 0.0) == 3.0
    date = {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}
    assert retry_after_seconds(date, 1_445_412_470.0) == 10.0
    assert retry_after_seconds(date, 1_445_412_500.0) == 0.0
    assert retry_after_seconds({"retry-after": "soon"}, 0.0) is None
    assert retry_after_seconds({}, 0.0) is None
