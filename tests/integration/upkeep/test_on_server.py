"""Upkeep on PostgreSQL: one file from any database and into any, roles that may no more than they need, and no half."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from services.cli.process import own_process
from services.upkeep import retention
from services.upkeep.process import run_upkeep
from shared.runtime.overview.trading import TRADER_LEASE
from shared.settings.settings import load_settings
from shared.store.sql_store import open_store
from tests.fixtures.rights import BACKUP, EXECUTOR, INGEST, OWNER, UPKEEP, as_role, execute, url_
from tests.integration.upkeep.kept import backed_up_while_trading, killed_at, traded
from tests.servers.postgres import PostgresServer
from tests.verbs import Run, answer, run_

__all__ = ["run_", "url_"]


@pytest.fixture(name="other_url")
def other_url_(postgres_server: PostgresServer) -> Iterator[str]:
    """Return the address of another database without a schema."""
    name = postgres_server.new_database()
    yield postgres_server.url(name)
    postgres_server.make_usable()
    postgres_server.delete_database(name)


def require_proven(run: Run, url: str) -> str:
    # A file expects anchors beside it, of which servers in these tests have none.
    _, output, _ = run("audit", "verify", "--db", url)
    assert "The audit chain is intact" in output
    assert "Commands and trades match the log." in output
    return str(answer(run, "parity", "--db", url)["trade_hash"])


def counts(url: str) -> dict[str, object]:
    tables = [row[0] for row in execute(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    return {str(table): execute(url, f'SELECT count(*) FROM "{table}"')[0][0] for table in tables}


def test_a_backup_goes_from_a_server_into_a_file_and_into_another_server(run: Run, url: str, other_url: str) -> None:
    trade_hash = traded(run, url, candles=900)
    told = answer(run, "db", "backup", "b.db", "--db", as_role(url, BACKUP))
    assert told["contents"]["trade_hash"] == trade_hash
    answer(run, "db", "restore", "b.db", "--db", "file.db")
    assert require_proven(run, "file.db") == trade_hash
    answer(run, "db", "restore", "b.db", "--db", other_url)
    assert require_proven(run, other_url) == trade_hash
    # Both go on as the undisturbed run does: numbers go on, history is guarded.
    undisturbed = traded(run, url)
    assert traded(run, "file.db") == traded(run, other_url) == undisturbed
    assert require_proven(run, other_url) == undisturbed
    assert counts(other_url) == counts(url)
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        execute(other_url, "DELETE FROM audit_log")
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        execute(other_url, "UPDATE trades SET units = 1 WHERE status = 'CLOSED'")


def test_backups_of_a_server_on_which_a_run_goes_on_end_as_that_run_does(
    run: Run, tmp_path: Path, url: str, other_url: str
) -> None:
    def begun() -> bool:
        return bool(execute(url, "SELECT count(*) FROM gate_snapshots")[0][0])

    backups = backed_up_while_trading(run, tmp_path, url, 1_500, begun)
    undisturbed = require_proven(run, url)
    assert any(0 < candles < 1_500 for candles in backups), backups
    for number, target in enumerate(("file.db", other_url)):
        answer(run, "db", "restore", f"{number}.db", "--db", target)
        assert traded(run, target, candles=1_500) == undisturbed
        assert require_proven(run, target) == undisturbed


def test_every_value_comes_back_from_a_server_as_it_was(run: Run, url: str, other_url: str) -> None:
    traded(run, url, candles=900)
    execute(
        url,
        "INSERT INTO commands (created_ts_utc, actor, type, payload_json, status) VALUES"
        " ('2026-01-05T12:00:00Z', 'ann', 'PAUSE_ALL', '{}', 'PENDING')",
    )
    execute(
        url,
        "INSERT INTO users (name, role, password_hash, disabled, created_at) VALUES"
        " ('ünï', 'admin', '$argon2id$', true, '2026-01-05T12:00:00.25Z')",
    )
    answer(run, "db", "backup", "b.db", "--db", url)
    answer(run, "db", "restore", "b.db", "--db", other_url)
    for table in ("candles", "trades", "users", "commands", "daily_stats", "equity", "settings", "audit_log"):
        query = f'SELECT * FROM "{table}" ORDER BY 1, 2'
        assert execute(url, query) == execute(other_url, query), table


def test_a_role_that_may_not_is_told_which_one_may(run: Run, url: str) -> None:
    traded(run, as_role(url, OWNER), candles=900)
    for role in (EXECUTOR, INGEST, UPKEEP):
        code, _, errors = run("db", "backup", "b.db", "--db", as_role(url, role))
        assert (code, "scalpbot_backup" in errors) == (2, True), errors
        assert not Path("b.db").exists()
    answer(run, "db", "backup", "b.db", "--db", as_role(url, BACKUP))
    before = counts(url)
    for role in (EXECUTOR, BACKUP, UPKEEP):
        code, _, errors = run("db", "restore", "b.db", "--db", as_role(url, role), "--replace", "--yes")
        assert (code, "scalpbot_owner" in errors) == (2, True), errors
    for role in (EXECUTOR, BACKUP):
        code, _, errors = run("db", "prune", "--older-than", "1d", "--yes", "--db", as_role(url, role))
        assert (code, "does not allow this" in errors) == (2, True), errors
    assert counts(url) == before


def test_the_owner_replaces_a_database_and_every_role_keeps_its_rights(run: Run, url: str) -> None:
    trade_hash = traded(run, as_role(url, OWNER), candles=900)
    answer(run, "db", "backup", "b.db", "--db", as_role(url, BACKUP))
    rights = execute(
        url, "SELECT relname, relacl::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    traded(run, as_role(url, OWNER), candles=1_500)
    answer(run, "db", "restore", "b.db", "--db", as_role(url, OWNER), "--replace", "--yes")
    assert require_proven(run, url) == trade_hash
    assert rights == execute(
        url, "SELECT relname, relacl::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    )


def test_a_database_in_which_somebody_leads_is_not_replaced(run: Run, postgres_url: str) -> None:
    traded(run, postgres_url, candles=300)
    answer(run, "db", "backup", "b.db", "--db", postgres_url)
    with closing(open_store(postgres_url)) as store, store.transaction() as transaction:
        assert transaction.acquire_lease(TRADER_LEASE, "somebody", 60)
    before = counts(postgres_url)
    code, _, errors = run("db", "restore", "b.db", "--db", postgres_url, "--replace", "--yes")
    assert (code, "stop them first" in errors) == (2, True), errors
    assert counts(postgres_url) == before


@pytest.mark.parametrize(("phase", "share"), [(1, 1.0), (2, 0.0), (2, 0.5), (2, 1.0)])
def test_a_restore_into_a_server_that_is_killed_changes_nothing(
    run: Run, postgres_url: str, tmp_path: Path, phase: int, share: float
) -> None:
    traded(run, postgres_url, candles=300)
    answer(run, "db", "backup", "b.db", "--db", postgres_url)
    traded(run, postgres_url, candles=600)
    before = counts(postgres_url)
    killed_at(phase, share, tmp_path, "db", "restore", "b.db", "--db", postgres_url, "--replace", "--yes")
    assert counts(postgres_url) == before
    killed_at(1, share, tmp_path, "db", "backup", "c.db", "--db", postgres_url)
    assert not Path("c.db").exists()


def test_old_rows_of_a_server_are_pruned_by_a_role_that_may_do_no_more(run: Run, url: str) -> None:
    trade_hash = traded(run, as_role(url, OWNER))
    before = counts(url)
    upkeep = as_role(url, UPKEEP)
    told = answer(run, "db", "prune", "--older-than", "2d", "--yes", "--db", upkeep)
    assert told["deleted"]["candles"] > 0
    assert "VACUUM FULL" in told["not_given_back"]
    assert require_proven(run, url) == answer(run, "parity", "--db", upkeep)["trade_hash"] == trade_hash
    kept = ("trades", "account_events", "daily_stats", "positions", "commands")
    assert {table: counts(url)[table] for table in kept} == {table: before[table] for table in kept}
    for statement in (
        "DELETE FROM trades",
        "DELETE FROM account_events",
        "UPDATE candles SET volume = 1",
        "SELECT * FROM users",
        "DELETE FROM daily_stats",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(upkeep, statement)
    sizes = answer(run, "db", "size", "--db", as_role(url, BACKUP))
    assert sizes["bytes"] > sum(each["table_bytes"] for each in sizes["tables"]) > 0


def test_a_process_of_its_own_prunes_a_server(run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_FIRST_SECONDS", 0.1)
    trade_hash = traded(run, as_role(url, OWNER))
    began = time.monotonic()
    settings = load_settings(None, {"SCALP_BOT_RETENTION__CANDLES_DAYS": "2"})
    with closing(open_store(url)) as store:

        def over() -> bool:
            assert time.monotonic() - began < 120, "nothing was pruned"
            with store.reading() as reader:
                first = next(reader.candles_in_order(1))
                lease = reader.lease("upkeep")
            return first.seq > 1 and lease is not None

        run_upkeep(own_process("upkeep", over), settings, as_role(url, UPKEEP))
        with store.reading() as reader:
            assert {row.actor for row in reader.audit(3) if row.action == "database.pruned"} == {"system"}
    assert require_proven(run, url) == trade_hash


def test_upkeep_with_nothing_to_do_says_so(run: Run, postgres_url: str) -> None:
    code, _, errors = run("run", "upkeep", "--db", postgres_url, "--health-port", "0")
    assert (code, "[retention]" in errors) == (2, True), errors
