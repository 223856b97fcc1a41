"""A lease that has run out is taken over, also while its holder's last transaction stands still."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from shared.contracts.errors import InfrastructureError
from shared.store.engine import database_url, open_engine
from shared.store.port import Store
from shared.store.sql_store import SqlStore, open_store


@pytest.fixture(name="store")
def store_(postgres_url: str) -> Iterator[Store]:
    store = open_store(postgres_url)
    yield store
    store.close()


def test_lease_is_taken_from_a_holder_that_stands_still_in_a_transaction(postgres_url: str, store: Store) -> None:
    with store.transaction() as transaction:
        epoch = transaction.acquire_lease("executor.paper", "paused", 0.5)
    # A process that was paused in the middle of sending: its session has checked the lease and is waited for.
    other = open_store(postgres_url)
    opened = other.transaction()
    paused = opened.__enter__()
    assert paused.holds_lease("executor.paper", epoch or 0)
    time.sleep(0.6)
    began = time.monotonic()
    with store.transaction() as transaction:
        taken = transaction.acquire_lease("executor.paper", "standby", 10.0)
    assert taken == (epoch or 0) + 1
    assert time.monotonic() - began < 2.0
    with pytest.raises(InfrastructureError):
        opened.__exit__(None, None, None)
    other.close()


def test_who_leans_on_another_lease_is_left_alone(postgres_url: str, store: Store) -> None:
    with store.transaction() as transaction:
        strategy = transaction.acquire_lease("strategy.0", "strategy", 30.0)
        transaction.acquire_lease("ingest", "dead", 0.2)
    other = open_store(postgres_url)
    with other.transaction() as leaning:
        assert leaning.holds_lease("strategy.0", strategy or 0)
        time.sleep(0.3)
        with store.transaction() as transaction:
            assert transaction.acquire_lease("ingest", "standby", 10.0) == 2
        leaning.save_cursor("strategy", "candles.0", 7)
    other.close()
    with store.reading() as reader:
        assert reader.cursor("strategy", "candles.0") == 7


def test_lease_that_still_runs_is_not_taken_and_its_holder_is_left_alone(postgres_url: str, store: Store) -> None:
    with store.transaction() as transaction:
        transaction.acquire_lease("executor.paper", "holder", 30.0)
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as holder:
        holder.execute("SELECT epoch FROM leases WHERE name = 'executor.paper' FOR KEY SHARE")
        with store.transaction() as transaction:
            assert transaction.acquire_lease("executor.paper", "standby", 10.0) is None
        assert holder.execute("SELECT 1").fetchone() == (1,)


def test_two_may_lean_on_a_lease_while_it_is_renewed(postgres_url: str, store: Store) -> None:
    with store.transaction() as transaction:
        assert transaction.acquire_lease("strategy.0", "strategy", 30.0) == 1
    other = open_store(postgres_url)
    with other.transaction() as leaning, store.transaction() as transaction:
        assert leaning.holds_lease("strategy.0", 1)
        assert transaction.holds_lease("strategy.0", 1)
        assert transaction.renew_lease("strategy.0", "strategy", 1, 30.0)
    other.close()


def test_the_limit_of_a_leaning_transaction_ends_with_it(postgres_url: str) -> None:
    engine = open_engine(database_url(postgres_url))
    store = SqlStore(engine)
    with engine.connect() as connection:
        usual = connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar()
    with store.transaction() as transaction:
        assert transaction.acquire_lease("strategy.0", "strategy", 30.0) == 1
        assert transaction.holds_lease("strategy.0", 1)
    with engine.connect() as connection:
        limit = connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar()
    store.close()
    assert (limit, usual != "8s") == (usual, True)
