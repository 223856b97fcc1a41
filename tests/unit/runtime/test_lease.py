"""The lease that keeps two writers apart: how it is taken, kept, lost and given back, under each policy."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from shared.contracts.errors import InfrastructureError, LeaseLostError
from shared.runtime.lease import LEASE_SECONDS, RENEW_SECONDS, HeldLease, Policy, Standing, kept_in_background
from shared.store.port import Store
from shared.store.sql_store import open_store
from tests.fixtures.deployed import wait_until
from tests.fixtures.new_store import new_sqlite

NAME: Final = "executor.paper"
BOTH: Final = pytest.mark.parametrize("policy", Policy)


class Clock:
    """A monotonic clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="store")
def store_(tmp_path: Path) -> Iterator[Store]:
    store = open_store(new_sqlite(tmp_path / "lease.db"))
    yield store
    store.close()


@pytest.fixture(name="clock")
def clock_() -> Clock:
    return Clock()


def claim(store: Store, holder: str, policy: Policy, clock: Callable[[], float]) -> HeldLease:
    return HeldLease(store, NAME, holder, policy, monotonic=clock)


def run_out(store: Store, holder: str) -> None:
    """Let the lease of a holder end, as if the holder had slept past its end."""
    with store.transaction() as transaction:
        lease = transaction.lease(NAME)
        assert lease is not None
        transaction.release_lease(NAME, holder, lease.epoch)


def write(store: Store, lease: HeldLease) -> None:
    with store.transaction() as transaction:
        lease.fence(transaction)


def holder_of(store: Store) -> str | None:
    with store.reading() as reader:
        lease = reader.lease(NAME)
    return lease.holder if lease is not None and lease.seconds_left > 0 else None


@BOTH
def test_one_leads_and_the_next_one_leads_after_it_gave_the_lease_back(
    store: Store, policy: Policy, clock: Clock
) -> None:
    first, second = claim(store, "first", policy, clock), claim(store, "second", policy, clock)
    assert first.acquire()
    assert not second.acquire()
    write(store, first)
    with pytest.raises(LeaseLostError):
        write(store, second)
    first.release()
    assert second.acquire()
    assert (first.leads, second.leads) == (False, True)


@BOTH
def test_the_lease_is_renewed_when_it_is_time_to(store: Store, policy: Policy, clock: Clock) -> None:
    lease = claim(store, "leader", policy, clock)
    assert lease.acquire()
    with store.transaction() as transaction:
        # It would end in a moment.
        transaction.acquire_lease(NAME, "leader", 0.5)
    lease.keep()
    with store.reading() as reader:
        before = reader.lease(NAME)
    clock.now += RENEW_SECONDS
    lease.keep()
    with store.reading() as reader:
        after = reader.lease(NAME)
    assert before is not None
    assert before.seconds_left <= 0.5
    assert after is not None
    assert after.seconds_left > LEASE_SECONDS - 1
    with store.transaction() as transaction:
        transaction.acquire_lease(NAME, "leader", 0.5)
    clock.now += RENEW_SECONDS / 2
    lease.keep()
    with store.reading() as reader:
        again = reader.lease(NAME)
    assert again is not None
    assert again.seconds_left <= 0.5, "it was renewed a moment ago"


@BOTH
def test_who_slept_while_another_one_led_may_not_write(store: Store, policy: Policy, clock: Clock) -> None:
    stale = claim(store, "stale", policy, clock)
    assert stale.acquire()
    run_out(store, "stale")
    assert claim(store, "fresh", policy, clock).acquire()
    leading = stale.leads
    with pytest.raises(LeaseLostError):
        write(store, stale)
    assert (leading, stale.leads) == (True, False), "it was paused and knew of nothing"
    assert holder_of(store) == "fresh"


def test_what_ran_out_is_lost_to_who_stands_by_and_taken_again_by_who_does_not(store: Store, clock: Clock) -> None:
    one = claim(store, "one", Policy.STEP_BACK, clock)
    assert one.acquire()
    run_out(store, "one")
    with pytest.raises(LeaseLostError):
        write(store, one)
    assert one.acquire(), "it stands by, and leads again"
    one.release()
    sole = claim(store, "sole", Policy.STOP, clock)
    assert sole.acquire()
    run_out(store, "sole")
    write(store, sole)
    run_out(store, "sole")
    clock.now += RENEW_SECONDS
    sole.keep()
    assert holder_of(store) == "sole"


def test_who_does_not_stand_by_is_refused_for_good_after_another_one_led(store: Store, clock: Clock) -> None:
    sole = claim(store, "sole", Policy.STOP, clock)
    assert sole.acquire()
    run_out(store, "sole")
    other = claim(store, "other", Policy.STEP_BACK, clock)
    assert other.acquire()
    other.release()
    clock.now += RENEW_SECONDS
    sole.keep()
    assert holder_of(store) is None, "it is not ours to go on with"
    for _ in range(2):
        with pytest.raises(LeaseLostError):
            write(store, sole)


@pytest.mark.parametrize(("policy", "leads_on"), [(Policy.STEP_BACK, False), (Policy.STOP, True)])
def test_a_store_that_is_away_ends_the_lead_of_who_stands_by(
    store: Store, policy: Policy, leads_on: bool, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = claim(store, "leader", policy, clock)
    lease.acquire()

    def away() -> None:
        raise InfrastructureError("the database is away")

    monkeypatch.setattr(store, "transaction", away)
    clock.now += RENEW_SECONDS
    lease.keep()
    assert lease.leads, "the lease has not run out yet"
    clock.now += LEASE_SECONDS - RENEW_SECONDS
    lease.keep()
    assert lease.leads is leads_on
    lease.release()
    assert not lease.leads


def test_taking_and_losing_it_are_told(store: Store, clock: Clock) -> None:
    told: list[tuple[int, str | None]] = []
    lease = HeldLease(store, NAME, "one", Policy.STEP_BACK, monotonic=clock, observe=lambda *what: told.append(what))
    lease.release()
    assert lease.acquire()
    lease.release()
    assert told == [(1, None), (1, "the service stops")]


@pytest.mark.parametrize(
    ("others", "why"), [(0, "the lease ran out before it was renewed"), (1, "another process took the lease")]
)
def test_who_lost_it_says_whether_anybody_else_took_it(store: Store, clock: Clock, others: int, why: str) -> None:
    told: list[str | None] = []
    lease = HeldLease(store, NAME, "one", Policy.STEP_BACK, monotonic=clock, observe=lambda *what: told.append(what[1]))
    assert lease.acquire()
    run_out(store, "one")
    for _ in range(others):
        assert claim(store, "other", Policy.STEP_BACK, clock).acquire()
    with pytest.raises(LeaseLostError):
        write(store, lease)
    assert told == [None, why]


def test_who_waits_is_told_once_for_whom(store: Store, clock: Clock) -> None:
    told: list[str] = []
    waits = HeldLease(store, NAME, "waits", Policy.STEP_BACK, monotonic=clock, wait=told.append)
    for holder in ("first", "second"):
        leads = claim(store, holder, Policy.STEP_BACK, clock)
        assert leads.acquire()
        assert not waits.acquire()
        assert not waits.acquire()
        assert waits.standing == Standing(NAME, False)
        leads.release()
    assert waits.acquire()
    assert (told, waits.standing) == (["first", "second"], Standing(NAME, True))


def test_a_lease_is_kept_in_the_background_and_given_back(store: Store, clock: Clock) -> None:
    lease = claim(store, "sole", Policy.STOP, clock)
    assert lease.acquire()
    with kept_in_background(lease):
        run_out(store, "sole")
        clock.now += RENEW_SECONDS
        wait_until(lambda: holder_of(store) == "sole", 20.0, "it is renewed")
    assert holder_of(store) is None


def test_a_lease_that_ran_out_is_not_held_in_a_view_of_the_store(store: Store, clock: Clock) -> None:
    lease = claim(store, "one", Policy.STEP_BACK, clock)
    assert lease.acquire()
    with store.reading() as reader:
        assert lease.holds(reader)
    with store.transaction() as transaction:
        transaction.acquire_lease(NAME, "one", 0.5)
    with store.reading() as reader:
        assert lease.holds(reader), "half a second is left"
    run_out(store, "one")
    with store.reading() as reader:
        assert not lease.holds(reader)
    assert lease.leads, "it knows of nothing"
