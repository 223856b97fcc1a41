"""deploy/postgres/roles.sql: each service can do its work on PostgreSQL, and nothing else."""

from contextlib import closing

import pytest
from psycopg.errors import InsufficientPrivilege

from services.api.security.access import ACCESS
from shared.contracts.errors import InputError
from shared.store.port import Transaction
from shared.store.rows.audit import AuditEntry
from shared.store.rows.commands import HoldRow, NewCommand
from shared.store.rows.ledger import DailyStatsRow, EquityRow
from shared.store.rows.market import CandleGapRow, RejectedCandleRow
from shared.store.rows.params import NewParams
from shared.store.rows.runtime import SnapshotRow
from shared.store.rows.tokens import NewToken
from shared.store.rows.users import NewSession, SessionTimes
from shared.store.schema import SchemaState, check, upgrade
from shared.store.sql_store import open_store
from shared.store.tables.metadata import METADATA
from tests.contract.builders import (
    FREE,
    MIDNIGHT,
    STREAM,
    a_candle,
    a_closing,
    a_gate_snapshot,
    a_position,
    an_assessment,
    an_event,
    an_opening,
    an_outgoing,
)
from tests.fixtures.api import PASSWORD as OF_USERS
from tests.fixtures.api import running
from tests.fixtures.rights import (
    API,
    EXECUTOR,
    INGEST,
    OWNER,
    SCRIPT,
    SERVICES,
    STRATEGY,
    as_role,
    execute,
    guarded_url_,
    run_script,
    url_,
    working_as,
)

__all__ = ["guarded_url_", "url_"]


def send_and_prune(transaction: Transaction, seq: int, producer: str) -> None:
    transaction.stage_outbox([an_outgoing(seq, producer=producer)])
    transaction.mark_outbox_sent([staged.id for staged in transaction.unsent_outbox(10)], MIDNIGHT)
    assert transaction.delete_sent_outbox(MIDNIGHT + 1, producer=producer) == 1


def lead_and_live(transaction: Transaction, service: str) -> None:
    epoch = transaction.acquire_lease(service, "first", 60)
    assert epoch is not None
    assert transaction.renew_lease(service, "first", epoch, 60)
    assert transaction.holds_lease(service, epoch)
    transaction.release_lease(service, "first", epoch)
    transaction.beat(service, "first", "{}")
    transaction.beat(service, "first", "{}")
    assert transaction.forget_heartbeats(3_600) == 0
    assert transaction.setting("risk") is None


def privileges(url: str) -> list[tuple[object, ...]]:
    return execute(
        url,
        "SELECT relname, relowner::regrole::text, relacl::text FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S') ORDER BY relname",
    )


def test_each_service_can_do_its_work(url: str) -> None:
    with working_as(url, INGEST) as transaction:
        assert transaction.last_candle() is None
        transaction.add_candles([a_candle()])
        transaction.add_gaps([CandleGapRow("EUR_USD", 300, MIDNIGHT, MIDNIGHT + 600, 2, "no_ticks")])
        transaction.add_rejected([RejectedCandleRow("sample.csv", 17, "high below low", "1,2", "EUR_USD")])
        send_and_prune(transaction, 1, "ingest")
        transaction.save_setting("news_calendar", "[]", MIDNIGHT)
        transaction.save_snapshots([SnapshotRow("ingest", "news_calendar", 1, "{}")] * 2)
        lead_and_live(transaction, "ingest")
    with working_as(url, STRATEGY) as transaction:
        assert transaction.cursor("strategy", STREAM) == 0
        assert transaction.candles_after(STREAM, 0, 10) == [a_candle()]
        transaction.add_assessments([an_assessment()])
        transaction.save_snapshots([SnapshotRow("strategy", "EUR_USD", 1, "{}")] * 2)
        transaction.save_cursor("strategy", STREAM, 1)
        send_and_prune(transaction, 2, "strategy")
        lead_and_live(transaction, "strategy")
        transaction.save_setting("paper_run", "{}", MIDNIGHT)
    with working_as(url, EXECUTOR) as transaction:
        trade_a_candle(transaction)
        send_and_prune(transaction, 3, "executor")
        lead_and_live(transaction, "executor")
    with working_as(url, API) as transaction:
        assert transaction.trades(10)
        assert transaction.gate_snapshots(10)
        assert transaction.outbox_count() == 0
        assert transaction.lease("executor") is not None
        transaction.save_setting("first_password", "{}", MIDNIGHT)
        transaction.append_audit([AuditEntry(MIDNIGHT, "ann", "risk changed", None, {})])
        transaction.beat("api", "first", "{}")
        let_in(transaction)
        transaction.add_command(NewCommand(MIDNIGHT, "ann", "PAUSE_ALL", "{}", "key"))
        assert transaction.holds() == []
        transaction.add_params(NewParams("risk", "{}", "abc123", "ann", MIDNIGHT))
        transaction.release_key(1)
    with working_as(url, EXECUTOR) as transaction:
        assert (transaction.revoke_all_sessions(), transaction.revoke_all_tokens()) == (0, 0)
        transaction.activate_params(1, MIDNIGHT, 1)
    with working_as(url, STRATEGY) as transaction:
        assert transaction.active_params_version() == 1
        assert [row.section for row in transaction.newest_params(1)] == ["risk"]
    with working_as(url, EXECUTOR) as transaction:
        claimed = transaction.claim_command("first", MIDNIGHT)
        assert claimed is not None
        hold = HoldRow("ALL", "pause", "ann", MIDNIGHT, 1, claimed.id)
        transaction.begin_hold(hold)
        transaction.end_holds([hold], MIDNIGHT, 1, "ann", claimed.id)
        transaction.finish_command(claimed.id, "SUCCEEDED", "{}", MIDNIGHT)
        assert transaction.audit_of_command(claimed.id) == []
        assert transaction.skip_commands("{}", MIDNIGHT) == []


def let_in(transaction: Transaction) -> None:
    user = transaction.add_user("ann", "viewer", "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA")
    transaction.set_password(user, "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaB")
    transaction.open_session(NewSession("a" * 64, "first", user, "127.0.0.1"), SessionTimes(60, 60, 60))
    transaction.touch_session("a" * 64, 60)
    assert transaction.session("a" * 64) is not None
    assert transaction.count_login("name:ann") == 1
    transaction.forgive_logins("name:ann")
    transaction.lock_users()
    transaction.set_role(user, "operator")
    assert transaction.session_owner("first") == "ann"
    token = NewToken(token_hash="b" * 64, user_id=user, name="robot", role="viewer", scope="read")
    transaction.touch_token(transaction.add_token(token, 60))
    assert transaction.revoke_tokens(user) == 1
    transaction.forgive_logins_like("address:")
    transaction.begin_second_factor(user, "SECRET")
    transaction.confirm_second_factor(user, ["c" * 64])
    transaction.use_step(user, 1)
    assert transaction.use_recovery_code(user, "c" * 64)
    assert transaction.forget_second_factor(user)
    transaction.disable_user(user)
    assert transaction.revoke_sessions(user) == 1
    assert transaction.forget_sessions(-3_600) == 1


def trade_a_candle(transaction: Transaction) -> None:
    opening = an_opening()
    assert transaction.cursor("executor", STREAM) == 0
    assert transaction.assessments_after(0, 10) == [an_assessment()]
    transaction.add_gate_snapshots([a_gate_snapshot()])
    transaction.open_trade(opening, FREE)
    transaction.replace_positions([a_position(opening)])
    transaction.replace_positions([])
    transaction.close_trade(opening.id, a_closing(opening), FREE)
    transaction.add_account_events([an_event()])
    day = DailyStatsRow(16_198, 100_000_000, 99_000_000, -1_000_000, 3, 1, 2, 0.0125, False)
    transaction.save_daily_stats([day])
    transaction.save_daily_stats([day])
    transaction.add_equity([EquityRow(1, MIDNIGHT, 100_000_000, 100_000_000)])
    transaction.append_audit([AuditEntry(MIDNIGHT, "executor", "trade.opened", None, {})])
    transaction.save_snapshots([SnapshotRow("executor", "account", 1, "{}")])
    transaction.save_cursor("executor", STREAM, 1)


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
@pytest.mark.parametrize("role", [OWNER, *SERVICES])
def test_nobody_may_change_an_audit_record(guarded_url: str, role: str, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege, match="permission denied for table audit_log"):
        execute(as_role(guarded_url, role), statement)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        (INGEST, "UPDATE candles SET volume = 0"),
        (INGEST, "DELETE FROM candles"),
        (INGEST, "SELECT * FROM trades"),
        (INGEST, "INSERT INTO assessments SELECT * FROM assessments"),
        (INGEST, "SELECT * FROM audit_log"),
        (INGEST, "UPDATE cursors SET seq = 0"),
        (STRATEGY, "INSERT INTO candles DEFAULT VALUES"),
        (STRATEGY, "UPDATE assessments SET volume = 0"),
        (STRATEGY, "SELECT * FROM trades"),
        (STRATEGY, "INSERT INTO audit_log DEFAULT VALUES"),
        (EXECUTOR, "INSERT INTO settings DEFAULT VALUES"),
        (EXECUTOR, "INSERT INTO candles DEFAULT VALUES"),
        (EXECUTOR, "DELETE FROM trades"),
        (EXECUTOR, "UPDATE account_events SET balance = 0"),
        (EXECUTOR, "DELETE FROM equity"),
        (EXECUTOR, "UPDATE outbox SET body = ''"),
        (INGEST, "SELECT * FROM users"),
        (STRATEGY, "SELECT * FROM sessions"),
        (EXECUTOR, "SELECT * FROM users"),
        (EXECUTOR, "INSERT INTO sessions DEFAULT VALUES"),
        (EXECUTOR, "SELECT token_hash FROM sessions"),
        (EXECUTOR, "UPDATE sessions SET expires_at = now()"),
        (API, "DELETE FROM users"),
        (API, "UPDATE trades SET units = 1"),
        (API, "DELETE FROM positions"),
        (API, "INSERT INTO equity DEFAULT VALUES"),
        (API, "UPDATE leases SET epoch = 9"),
        (API, "UPDATE outbox SET sent_at = NULL"),
        (API, "UPDATE settings SET body_json = ''"),
        (API, "UPDATE commands SET status = 'SUCCEEDED'"),
        (API, "DELETE FROM holds"),
        (API, "INSERT INTO holds DEFAULT VALUES"),
        (EXECUTOR, "DELETE FROM commands"),
        (STRATEGY, "SELECT * FROM commands"),
    ],
)
def test_a_service_may_not_do_the_work_of_another(guarded_url: str, role: str, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege, match="permission denied for table"):
        execute(as_role(guarded_url, role), statement)


def test_the_api_answers_under_its_own_role(guarded_url: str) -> None:
    with closing(open_store(as_role(guarded_url, API))) as store, running(store) as api:
        body = {"username": "admin", "password": OF_USERS}
        assert api.client.post("/auth/login", json=body).status_code == 200
        assert api.client.post("/auth/confirm", json={"password": OF_USERS}).status_code == 200
        assert api.client.put("/api/users/viewer/role", json={"role": "operator"}).status_code == 200
        for method, path in ACCESS:
            if method == "GET" and "{" not in path and path != "/api/events":
                query = {"pair": "EUR_USD"} if path == "/api/candles" else {}
                assert (api.client.get(path, params=query).status_code, path) == (200, path)
        assert api.client.post("/auth/logout").status_code == 204


@pytest.mark.parametrize("role", SERVICES)
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "DROP TABLE candles",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "UPDATE alembic_version SET version_num = '9999'",
        "TRUNCATE trades CASCADE",
        "CREATE ROLE another",
        "SET session_replication_role = replica",
        "SET ROLE scalpbot_owner",
        "CREATE TEMPORARY TABLE mine (id int)",
    ],
)
def test_a_service_may_not_alter_the_schema_or_its_rights(guarded_url: str, role: str, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        execute(as_role(guarded_url, role), statement)


def test_every_table_is_granted_to_someone_and_read_by_the_api(guarded_url: str) -> None:
    for table in METADATA.tables:
        assert execute(guarded_url, f"SELECT has_table_privilege('{API}', '{table}', 'SELECT')") == [(True,)], table


def test_the_owner_owns_what_it_migrates(url: str) -> None:
    assert {owner for _, owner, _ in privileges(url)} == {OWNER}
    assert check(as_role(url, OWNER)).state is SchemaState.CURRENT


def test_the_script_may_be_run_again_at_any_time(url: str) -> None:
    before = privileges(url)
    execute(url, f"GRANT DELETE ON trades TO {API}")
    run_script(url)
    assert privileges(url) == before


def test_tables_that_a_superuser_made_go_to_the_owner(empty_postgres_url: str) -> None:
    upgrade(empty_postgres_url)
    run_script(empty_postgres_url)
    assert {owner for _, owner, _ in privileges(empty_postgres_url)} == {OWNER}


def test_a_right_that_is_missing_is_the_operators_to_grant(guarded_url: str) -> None:
    with (
        pytest.raises(InputError, match=r"does not allow this \(permission denied for table candles\): grant it as"),
        working_as(guarded_url, API) as transaction,
    ):
        transaction.add_candles([a_candle()])


def test_the_script_holds_no_password() -> None:
    assert "password '" not in SCRIPT.read_text(encoding="utf-8").lower()
