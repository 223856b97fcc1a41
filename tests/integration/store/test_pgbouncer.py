"""PostgreSQL behind a real PgBouncer in transaction mode: every transaction may get another session of the server."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine

from services.cli.program import main
from shared.contracts.errors import InfrastructureError, InputError
from shared.store.engine import database_url, open_engine, viewing, writing
from shared.store.schema import SchemaState, check, upgrade
from shared.store.sql_store import SqlStore, open_store
from tests.contract.builders import M5, a_candle
from tests.fixtures.paper import SAMPLE
from tests.integration.store.pgbouncer import PgBouncer
from tests.servers.errors import UnavailableError
from tests.servers.postgres import PostgresServer
from tests.servers.programs import pooler_program

CONNECTIONS = 3
TIMEOUTS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


@pytest.fixture(scope="module", name="pooler")
def pooler_(postgres_server: PostgresServer) -> Iterator[PgBouncer]:
    try:
        program = pooler_program()
    except UnavailableError as fault:
        pytest.skip(f"left out: PgBouncer cannot run here: {fault}")
    with PgBouncer(program, postgres_server.url(), CONNECTIONS) as pooler:
        yield pooler


@pytest.fixture(name="pooled_url")
def pooled_url_(pooler: PgBouncer, postgres_url: str) -> str:
    return pooler.url(postgres_url)


@pytest.fixture(name="engine")
def engine_(pooled_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url(pooled_url))
    yield engine
    engine.dispose()


def shown(connection: Connection) -> list[Any]:
    return [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in TIMEOUTS]


def test_an_empty_database_gets_its_schema_through_the_pooler(pooler: PgBouncer, empty_postgres_url: str) -> None:
    url = pooler.url(empty_postgres_url)
    assert upgrade(url).state is SchemaState.EMPTY
    assert check(url).state is SchemaState.CURRENT


def test_timeouts_hold_in_every_transaction_whatever_session_it_gets(engine: Engine) -> None:
    processes = set()
    for kind in (writing, viewing):
        with ExitStack() as stack:
            # Side by side, each has a session of the server of its own.
            together = [stack.enter_context(kind(engine).begin()) for _ in range(CONNECTIONS)]
            for connection in together:
                processes.add(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar())
                assert shown(connection) == ["5s", "2s", "15s"]
                connection.exec_driver_sql("SELECT 1")
    assert len(processes) == CONNECTIONS
    for _ in range(20):
        with writing(engine).begin() as connection:
            assert shown(connection) == ["5s", "2s", "15s"]


def test_other_programs_behind_the_pooler_get_none_of_our_timeouts(engine: Engine, pooled_url: str) -> None:
    with writing(engine).begin() as connection:
        shown(connection)
    plain = f"postgresql://{pooled_url.partition('://')[2]}"
    for _ in range(CONNECTIONS):
        with psycopg.connect(plain) as other:
            answer = other.execute("SHOW statement_timeout").fetchone()
            assert answer == ("0",)


def test_a_statement_that_takes_too_long_is_ended(pooled_url: str) -> None:
    with closing(SqlStore(open_engine(database_url(pooled_url), statement_timeout_seconds=0.1))) as store:
        with pytest.raises(InfrastructureError, match="statement timeout"), store.transaction() as transaction:
            transaction._connection.exec_driver_sql("SELECT pg_sleep(5)")  # type: ignore[attr-defined]
        with store.reading() as reader:
            assert reader.candle_count() == 0


def test_a_statement_that_is_repeated_is_not_looked_for_where_it_was_prepared(pooled_url: str) -> None:
    # More clients than sessions, and more repetitions than the driver waits for before it prepares a statement.
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(open_store(pooled_url))) for _ in range(2 * CONNECTIONS)]

        def read(store: SqlStore) -> int:
            total = 0
            for _ in range(12):
                with store.reading() as reader:
                    total += reader.candle_count() + len(reader.trades(5))
            return total

        with ThreadPoolExecutor(len(stores)) as threads:
            assert list(threads.map(read, stores)) == [0] * len(stores)


def test_candles_are_copied_and_read_through_the_pooler(pooled_url: str) -> None:
    with closing(open_store(pooled_url)) as store:
        with store.transaction() as transaction:
            transaction.add_candles([a_candle(seq) for seq in range(1, 301)])
        with store.reading() as reader:
            assert reader.candle_count() == 300
            assert reader.last_candle_times(M5)


def test_a_run_through_the_pooler_trades_as_any_other(pooled_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (SAMPLE / "EUR_USD_M5_sample.csv").read_text(encoding="utf-8").splitlines(keepends=True)[:1_500]
    hashes = {}
    for url in (pooled_url, "short.db"):
        hashes[url] = hash_of_run(url, lines, capsys)
    assert len(set(hashes.values())) == 1
    assert main(["audit", "verify", "--db", pooled_url]) == 0


def hash_of_run(url: str, lines: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    Path("EUR_USD_short.csv").write_text("".join(lines), encoding="utf-8")
    capsys.readouterr()
    assert main(["paper", "--csv", "EUR_USD=EUR_USD_short.csv", "--db", url, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["trades"]
    return str(report["trade_hash"])


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))


def test_a_database_that_the_pooler_does_not_know_is_the_users_to_mend(pooled_url: str) -> None:
    unknown = f"{pooled_url.rpartition('/')[0]}/nowhere"
    with pytest.raises(InputError, match="does not let us in"):
        open_store(unknown)
