"""What the store on PostgreSQL does beyond any store: many processes at once, servers that go away, bounded waits."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier, Event
from typing import TypeVar

import psycopg
import pytest
from sqlalchemy import make_url

from shared.contracts.errors import InfrastructureError, InputError, InvariantError
from shared.store.engine import database_url, open_engine, writing
from shared.store.port import Transaction
from shared.store.rows.audit import AuditEntry
from shared.store.schema import STEPS, SchemaState, check, upgrade
from shared.store.sql.audit import verify_audit
from shared.store.sql_store import SqlStore, open_store
from tests.contract.builders import FREE, MIDNIGHT, STREAM, a_candle, a_closing, an_opening, an_outgoing
from tests.servers.postgres import PostgresServer, Stop

EXECUTOR = "executor.0"
LONG = 3_600.0
HURRIED = "options=-c%20lock_timeout%3D200%20-c%20statement_timeout%3D400"
PAIRS = ("EUR_USD", "GBP_USD", "AUD_USD", "NZD_USD")

Result = TypeVar("Result")


@pytest.fixture
def store(postgres_url: str) -> Iterator[SqlStore]:
    with closing(open_store(postgres_url)) as store:
        yield store


@pytest.fixture
def hurried(postgres_url: str) -> Iterator[SqlStore]:
    """Return a store on the same database that waits 0.2 s for a lock at most."""
    with closing(open_store(f"{postgres_url}?{HURRIED}")) as store:
        yield store


def by_hand(url: str, statement: str) -> list[tuple[object, ...]]:
    """Execute SQL as somebody with a database client would."""
    with psycopg.connect(plain(url), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def at_once(count: int, work: Callable[[int], Result]) -> list[Result]:
    """Return what `work` returns for 0, 1, ... when all begin together."""
    start = Barrier(count)

    def begin(number: int) -> Result:
        start.wait(timeout=30)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


def while_open(store: SqlStore, first: Callable[[Transaction], object], then: Callable[[], Result]) -> Result:
    """Return what `then` returns while a transaction that has done `first` stays open."""
    begun, ended = Event(), Event()

    def stay() -> None:
        with store.transaction() as transaction:
            first(transaction)
            begun.set()
            ended.wait(timeout=30)

    with ThreadPoolExecutor(1) as pool:
        staying = pool.submit(stay)
        begun.wait(timeout=30)
        try:
            return then()
        finally:
            ended.set()
            staying.result(timeout=30)


# Many at once.


def test_two_processes_of_a_consumer_handle_each_fact_once(store: SqlStore) -> None:
    def handle(_number: int) -> None:
        for _ in range(20):
            with store.transaction() as transaction:
                seq = transaction.cursor("strategy", STREAM) + 1
                transaction.add_candles([a_candle(seq)])
                transaction.save_cursor("strategy", STREAM, seq)

    at_once(4, handle)
    with store.reading() as reader:
        assert (reader.cursor("strategy", STREAM), reader.candle_count()) == (80, 80)


def test_looking_at_a_cursor_waits_for_nobody(store: SqlStore, hurried: SqlStore) -> None:
    def look() -> int:
        with hurried.reading() as reader:
            return reader.cursor("strategy", STREAM)

    assert while_open(store, lambda transaction: transaction.cursor("strategy", STREAM), look) == 0


def test_a_consumer_that_waits_too_long_for_its_cursor_may_try_again(store: SqlStore, hurried: SqlStore) -> None:
    def take() -> None:
        with hurried.transaction() as transaction:
            transaction.cursor("strategy", STREAM)

    with pytest.raises(InfrastructureError, match="lock timeout"):
        while_open(store, lambda transaction: transaction.cursor("strategy", STREAM), take)
    take()


def test_one_of_many_gets_a_lease(store: SqlStore) -> None:
    def acquire(number: int) -> int | None:
        with store.transaction() as transaction:
            return transaction.acquire_lease(EXECUTOR, f"process {number}", LONG)

    assert sorted(at_once(8, acquire), key=str) == [1, *[None] * 7]


def test_one_of_many_gets_an_expired_lease(store: SqlStore) -> None:
    def acquire(number: int) -> int | None:
        with store.transaction() as transaction:
            return transaction.acquire_lease(EXECUTOR, f"process {number}", LONG)

    with store.transaction() as transaction:
        transaction.acquire_lease(EXECUTOR, "paused", 0)
    assert sorted(at_once(8, acquire), key=str) == [2, *[None] * 7]


def test_taking_an_expired_lease_ends_the_transaction_that_leans_on_it(store: SqlStore, hurried: SqlStore) -> None:
    taken: list[int | None] = []

    def lean(transaction: Transaction) -> None:
        assert transaction.holds_lease(EXECUTOR, 1)
        # Renewed to expire at once, as if the process had been paused here.
        with hurried.transaction() as renewing:
            assert renewing.renew_lease(EXECUTOR, "ann", 1, 0)

    def take_over() -> int | None:
        with hurried.transaction() as transaction:
            return transaction.acquire_lease(EXECUTOR, "bob", LONG)

    with store.transaction() as transaction:
        transaction.acquire_lease(EXECUTOR, "ann", LONG)
    with pytest.raises(InfrastructureError, match="terminating connection"):
        while_open(store, lean, lambda: taken.append(take_over()))
    assert taken == [2]


def test_asking_for_a_held_lease_waits_for_nobody(store: SqlStore, hurried: SqlStore) -> None:
    def ask() -> int | None:
        with hurried.transaction() as transaction:
            return transaction.acquire_lease(EXECUTOR, "bob", LONG)

    with store.transaction() as transaction:
        transaction.acquire_lease(EXECUTOR, "ann", LONG)
    assert while_open(store, lambda transaction: transaction.holds_lease(EXECUTOR, 1), ask) is None


def test_two_relays_never_take_the_same_message(store: SqlStore, hurried: SqlStore) -> None:
    def take() -> list[int]:
        with hurried.transaction() as transaction:
            return [staged.row.seq for staged in transaction.unsent_outbox(2)]

    with store.transaction() as transaction:
        transaction.stage_outbox([an_outgoing(seq) for seq in range(1, 6)])
    assert while_open(store, lambda transaction: transaction.unsent_outbox(2), take) == [3, 4]
    assert take() == [1, 2]


def test_records_of_many_processes_are_one_chain(store: SqlStore) -> None:
    def audit(number: int) -> None:
        for place in range(10):
            with store.transaction() as transaction:
                transaction.append_audit([AuditEntry(MIDNIGHT, f"process {number}", "beat", place, {})] * 2)

    at_once(5, audit)
    with store.reading() as reader:
        found = verify_audit(reader.audit_in_order())
    assert (found.ok, found.rows) == (True, 100)


def test_trades_of_many_processes_are_numbered_without_gaps(store: SqlStore) -> None:
    def trade(number: int) -> None:
        for place in range(10):
            opening = an_opening(f"{number} {place}", pair=PAIRS[number])
            with store.transaction() as transaction:
                transaction.open_trade(opening, FREE)
                transaction.close_trade(opening.id, a_closing(opening), FREE)

    at_once(len(PAIRS), trade)
    with store.reading() as reader:
        assert [trade.number for trade in reader.trades_in_order()] == list(range(1, 41))


def test_of_many_that_enter_a_pair_one_opens_a_trade(store: SqlStore) -> None:
    def enter(number: int) -> bool:
        try:
            with store.transaction() as transaction:
                transaction.open_trade(an_opening(str(number)), FREE)
        except InvariantError:
            return False
        return True

    assert sum(at_once(8, enter)) == 1


def test_versions_of_a_setting_are_numbered_one_after_the_other(store: SqlStore) -> None:
    def save(_number: int) -> int:
        with store.transaction() as transaction:
            return transaction.save_setting("risk", "{}", MIDNIGHT)

    assert sorted(at_once(5, save)) == [1, 2, 3, 4, 5]


def test_a_database_that_two_upgrade_at_once_is_upgraded_once(empty_postgres_url: str) -> None:
    found = at_once(2, lambda _number: upgrade(empty_postgres_url).state)
    assert SchemaState.EMPTY in found
    assert check(empty_postgres_url) == (SchemaState.CURRENT, STEPS.current, STEPS.current)


# Servers and connections that go away.


def test_the_next_transaction_works_after_the_server_was_restarted(
    postgres_server: PostgresServer, store: SqlStore
) -> None:
    with store.transaction() as transaction:
        transaction.save_cursor("strategy", STREAM, 7)
    for how in (Stop.FAST, Stop.IMMEDIATE):
        postgres_server.restart(how)
        with store.transaction() as transaction:
            assert transaction.cursor("strategy", STREAM) == 7
        with store.reading() as reader:
            assert reader.cursor("strategy", STREAM) == 7


def test_a_server_that_is_down_may_be_tried_again(
    postgres_server: PostgresServer, store: SqlStore, postgres_url: str
) -> None:
    def ask() -> int:
        with store.reading() as reader:
            return reader.candle_count()

    assert ask() == 0
    postgres_server.stop()
    try:
        with pytest.raises(InfrastructureError, match=r"postgresql://.* cannot be used now: .*refused\.$"):
            ask()
        with pytest.raises(InfrastructureError, match=r"cannot be used now"):
            open_store(postgres_url)
    finally:
        postgres_server.start()
    assert ask() == 0


def test_a_server_that_does_not_answer_is_given_up(postgres_server: PostgresServer, postgres_url: str) -> None:
    def ask_while_it_is_paused(store: SqlStore) -> None:
        with store.transaction() as transaction:
            transaction.save_cursor("strategy", STREAM, 7)
            postgres_server.pause()
            transaction.cursor("strategy", STREAM)

    with closing(SqlStore(open_engine(database_url(postgres_url), statement_timeout_seconds=0.1))) as store:
        try:
            with pytest.raises(InfrastructureError, match="cannot be used now: the server does not answer"):
                ask_while_it_is_paused(store)
        finally:
            postgres_server.resume()
        with store.transaction() as transaction:
            assert transaction.cursor("strategy", STREAM) == 0


def test_a_transaction_whose_connection_is_cut_leaves_nothing(store: SqlStore, postgres_url: str) -> None:
    def be_cut_off() -> None:
        with store.transaction() as transaction:
            transaction.add_candles([a_candle(1)])
            by_hand(
                postgres_url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            transaction.add_candles([a_candle(2)])

    with pytest.raises(InfrastructureError, match="cannot be used now"):
        be_cut_off()
    with store.transaction() as transaction:
        assert transaction.candle_count() == 0


def test_a_transaction_that_idles_is_ended_by_the_server(postgres_url: str) -> None:
    url = f"{postgres_url}?options=-c%20idle_in_transaction_session_timeout%3D50"

    def idle(store: SqlStore) -> None:
        with store.transaction() as transaction:
            transaction.cursor("strategy", STREAM)
            Event().wait(0.5)
            transaction.cursor("strategy", STREAM)

    with closing(open_store(url)) as store:
        with pytest.raises(InfrastructureError, match="cannot be used now"):
            idle(store)
        with store.transaction() as transaction:
            assert transaction.cursor("strategy", STREAM) == 0


# Settings and refusals.


def test_waits_are_bounded_and_the_client_has_a_name(postgres_url: str) -> None:
    settings = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "application_name")
    engine = open_engine(database_url(postgres_url))
    with writing(engine).begin() as connection:
        found = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in settings]
        isolation = connection.exec_driver_sql("SHOW transaction_isolation").scalar()
    engine.dispose()
    assert found == ["5s", "2s", "15s", "scalpbot"]
    assert isolation == "read committed"


def test_a_url_may_name_the_client(postgres_url: str) -> None:
    with closing(open_store(f"{postgres_url}?application_name=relay")) as store, store.reading():
        names = by_hand(
            postgres_url, "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
        )
    assert ("relay",) in names


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
def test_a_url_may_be_written_in_every_usual_way(postgres_url: str, scheme: str) -> None:
    url = f"{scheme}://{postgres_url.partition('://')[2]}"
    assert check(url).state is SchemaState.CURRENT


def test_an_unknown_database_or_user_is_the_users_to_mend(postgres_url: str) -> None:
    unknown_database = make_url(postgres_url).set(database="nowhere", password="secret")  # noqa: S106
    unknown_user = make_url(postgres_url).set(username="nobody_known", password="secret")  # noqa: S106
    for url in (unknown_database, unknown_user):
        with pytest.raises(InputError, match=r"does not let us in .*: correct the name, the user or") as refusal:
            open_store(url.render_as_string(hide_password=False))
        assert "secret" not in str(refusal.value)


def test_a_url_with_a_bad_option_is_the_users_to_mend(postgres_url: str) -> None:
    with pytest.raises(InputError, match=r"cannot be opened \(.*colour.*\): mend its URL"):
        open_store(f"{postgres_url}?colour=blue")


def test_a_view_cannot_write(store: SqlStore) -> None:
    with pytest.raises(InfrastructureError, match="read-only transaction"), store.reading() as reader:
        reader.save_cursor("strategy", STREAM, 1)  # type: ignore[attr-defined]


def test_the_audit_log_and_the_trades_cannot_be_emptied(postgres_url: str) -> None:
    for table, refusal in (("audit_log", "append-only"), ("trades", "a closed trade")):
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match=refusal):
            by_hand(postgres_url, f"TRUNCATE {table} CASCADE")


def test_figures_and_times_are_typed(store: SqlStore, postgres_url: str) -> None:
    with store.transaction() as transaction:
        transaction.add_candles([a_candle()])
    assert by_hand(postgres_url, "SELECT ask_close + 1, extract(year FROM time)::int FROM candles")[0][1] == 2014
    assert str(by_hand(postgres_url, "SELECT ask_close FROM candles")[0][0]) == "1.38695"
