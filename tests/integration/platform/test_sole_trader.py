"""One process trades in a database: an SQLite file by a lock of the system, PostgreSQL by the executor's lease."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.cli.program import main
from services.platform.sole_trader import sole_trader, take
from shared.contracts.errors import InfrastructureError, InputError, LeaseLostError
from shared.runtime.lease import HeldLease, Policy
from shared.runtime.overview.trading import TRADER_LEASE
from shared.store.engine import sqlite_url
from shared.store.file_lock import file_is_held, locked_file
from shared.store.sql_store import SqlStore, open_store


@pytest.fixture(name="store")
def store_(postgres_url: str) -> Iterator[SqlStore]:
    with closing(open_store(postgres_url)) as store:
        yield store


def test_an_sqlite_file_has_one_trader_at_a_time(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "paper.db")
    for holder in ("first", "next"):
        with (
            sole_trader(url, holder),
            pytest.raises(InputError, match=r"another process trades in .*paper\.db; stop it first"),
            sole_trader(url, "second"),
        ):
            pass


def test_a_server_has_one_trader_at_a_time_and_no_executor_beside_it(postgres_url: str, store: SqlStore) -> None:
    for holder in ("first", "next"):
        with sole_trader(postgres_url, holder) as trader:
            with pytest.raises(InputError, match="another process trades in this database"):
                take(HeldLease(store, TRADER_LEASE, "second", Policy.STOP), store, at_once(), living(store, holder))
            with store.transaction() as transaction:
                assert transaction.acquire_lease(TRADER_LEASE, "executor", 10.0) is None
                trader.fence(transaction)


def at_once() -> Callable[[], float]:
    """Return a clock that does not move: only that the other one lives can end the waiting."""
    looks = iter(range(5))
    return lambda: 0.0 * next(looks)


def living(store: SqlStore, holder: str) -> Callable[[float], None]:
    """Return a pause in which a holder does what it does every few seconds."""
    return lambda _seconds: prolong(store, holder, 10.0)


def prolong(store: SqlStore, holder: str, seconds: float) -> None:
    with store.transaction() as transaction:
        assert transaction.acquire_lease(TRADER_LEASE, holder, seconds)


def test_who_keeps_its_lease_without_prolonging_it_in_time_is_not_waited_for_without_end(
    store: SqlStore, postgres_url: str
) -> None:
    shrinking, pauses = iter(range(99)), []

    def pause(_seconds: float) -> None:
        pauses.append(1)
        prolong(store, "odd", 9.0 - next(shrinking) / 20)

    prolong(store, "odd", 9.5)
    seconds = iter(range(99))
    with closing(open_store(postgres_url)) as other, pytest.raises(InputError, match="another process trades"):
        take(HeldLease(other, TRADER_LEASE, "next", Policy.STOP), other, lambda: float(next(seconds)), pause)
    assert len(pauses) == 13, "a second each, the lease and a renewal long"


def test_who_asks_is_told_whether_a_file_is_traded_in(tmp_path: Path, postgres_url: str) -> None:
    url = sqlite_url(tmp_path / "paper.db")
    before = file_is_held(url)
    with sole_trader(url, "first"):
        during = file_is_held(url)
    assert (before, during, file_is_held(url), file_is_held(postgres_url)) == (False, True, False, None)


def test_a_file_needs_no_lease(tmp_path: Path) -> None:
    with sole_trader(sqlite_url(tmp_path / "paper.db"), "first") as trader, trader.store.reading() as reader:
        assert reader.lease(TRADER_LEASE) is None


def test_only_a_file_has_a_lock_of_its_own(tmp_path: Path, postgres_url: str) -> None:
    with locked_file(sqlite_url(tmp_path / "paper.db")) as of_file, locked_file(postgres_url) as of_server:
        assert (of_file, of_server) == (True, False)


def test_the_lease_of_a_trader_that_died_is_waited_for(postgres_url: str, store: SqlStore) -> None:
    with store.transaction() as transaction:
        assert transaction.acquire_lease(TRADER_LEASE, "dead", 0.3)
    with sole_trader(postgres_url, "next") as trader, store.transaction() as transaction:
        trader.fence(transaction)


def test_a_trader_that_slept_goes_on_unless_somebody_traded_meanwhile(postgres_url: str, store: SqlStore) -> None:
    with pytest.raises(InfrastructureError, match="another process trades in this database now; this one stopped"):
        sleep_twice(postgres_url, store)


def sleep_twice(url: str, store: SqlStore) -> None:
    """Trade after a sleep through which nobody traded, and after one through which somebody did."""
    with sole_trader(url, "sleepy") as trader:
        expire(store, "sleepy")
        with store.transaction() as transaction:
            trader.fence(transaction)
        expire(store, "sleepy")
        with store.transaction() as transaction:
            assert transaction.acquire_lease(TRADER_LEASE, "other", 10.0)
        with pytest.raises(LeaseLostError), store.transaction() as transaction:
            trader.fence(transaction)
        expire(store, "other")
        with store.transaction() as transaction:
            trader.fence(transaction)


def test_the_whole_platform_trades_in_a_server_database(postgres_url: str, store: SqlStore) -> None:
    assert main(["up", "--speed", "max", "--candles", "300", "--port", "0", "--db", postgres_url]) == 0
    with store.reading() as reader:
        assert reader.candle_count() == 300
        lease = reader.lease(TRADER_LEASE)
        assert lease is not None
        assert lease.seconds_left <= 0


def expire(store: SqlStore, holder: str) -> None:
    """Let a lease run out."""
    with store.transaction() as transaction:
        lease = transaction.lease(TRADER_LEASE)
        assert lease is not None
        transaction.release_lease(TRADER_LEASE, holder, lease.epoch)
