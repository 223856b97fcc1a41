"""deploy/postgres/roles.sql: in the tables that several services write to, each has its own rows."""

import pytest
from psycopg.errors import InsufficientPrivilege

from shared.store.rows.runtime import SnapshotRow
from tests.contract.builders import an_outgoing
from tests.fixtures.rights import (
    API,
    EXECUTOR,
    INGEST,
    STRATEGY,
    as_role,
    execute,
    guarded_url_,
    run_script,
    url_,
    working_as,
)

__all__ = ["guarded_url_", "url_"]


def expired(service: str) -> str:
    return f"INSERT INTO leases (name, holder, epoch, expires_at) VALUES ('{service}', 'other', 1, now())"


def staged(producer: str) -> str:
    return (
        "INSERT INTO outbox (message_id, type, version, routing_key, pair, stream, seq, occurred_at, correlation_id,"
        f" producer, body) VALUES ('1', 'x', 1, 'x', 'x', 'x', 1, now(), '1', '{producer}', '')"
    )


def set_to(name: str, version: int) -> str:
    return f"INSERT INTO settings (name, version, body_json, ts_utc) VALUES ('{name}', {version}, '[]', '2026-01-01')"


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        (INGEST, expired("executor.paper")),
        (INGEST, expired("strategy.0")),
        (STRATEGY, expired("ingest")),
        (STRATEGY, expired("executor.paper")),
        (EXECUTOR, expired("ingest")),
        (INGEST, staged("strategy")),
        (STRATEGY, staged("executor")),
        (STRATEGY, staged("ingest")),
        (EXECUTOR, staged("strategy")),
        (STRATEGY, "INSERT INTO cursors (consumer, stream, seq) VALUES ('executor', 'assessed', 9)"),
        (EXECUTOR, "INSERT INTO cursors (consumer, stream, seq) VALUES ('strategy', 'candles.0', 9)"),
        (INGEST, "INSERT INTO snapshots (service, key, seq, body_json) VALUES ('executor', 'paper', 1, '{}')"),
        (STRATEGY, "INSERT INTO snapshots (service, key, seq, body_json) VALUES ('executor', 'paper', 1, '{}')"),
        (API, "INSERT INTO service_heartbeats VALUES ('executor', 'first', now(), '{}')"),
        (INGEST, "INSERT INTO service_heartbeats VALUES ('api', 'first', now(), '{}')"),
        (STRATEGY, set_to("news_calendar", 1)),
        (STRATEGY, set_to("paper_run", 2)),
        (INGEST, set_to("partitions", 2)),
        (API, set_to("paper_run", 1)),
    ],
)
def test_a_service_may_not_add_rows_in_the_name_of_another(guarded_url: str, role: str, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege, match=r"violates row-level security policy|is not for scalpbot"):
        execute(as_role(guarded_url, role), statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE leases SET holder = 'other' WHERE name = 'executor.paper' RETURNING name",
        "UPDATE snapshots SET body_json = '' WHERE service = 'executor' RETURNING service",
        "DELETE FROM service_heartbeats WHERE service = 'executor' RETURNING service",
    ],
)
@pytest.mark.parametrize("role", [INGEST, STRATEGY])
def test_a_service_cannot_reach_the_rows_of_another(guarded_url: str, role: str, statement: str) -> None:
    with working_as(guarded_url, EXECUTOR) as transaction:
        transaction.acquire_lease("executor.paper", "first", 60)
        transaction.save_snapshots([SnapshotRow("executor", "account", 1, "{}")])
        transaction.beat("executor", "first", "{}")
    assert execute(as_role(guarded_url, role), statement) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE outbox SET sent_at = now() WHERE producer = 'executor'",
        "DELETE FROM outbox WHERE producer = 'executor'",
        "DELETE FROM outbox",
    ],
)
@pytest.mark.parametrize("role", [INGEST, STRATEGY])
def test_a_service_may_not_take_messages_of_another_out_of_the_outbox(
    guarded_url: str, role: str, statement: str
) -> None:
    with working_as(guarded_url, EXECUTOR) as transaction:
        if transaction.outbox_count() == 0:
            transaction.stage_outbox([an_outgoing(1, producer="executor")])
    with pytest.raises(InsufficientPrivilege, match=f'row of executor in table "outbox" is not for {role}'):
        execute(as_role(guarded_url, role), statement)


def test_whoever_lives_forgets_the_processes_that_are_long_gone(url: str) -> None:
    with working_as(url, EXECUTOR) as transaction:
        transaction.beat("executor", "first", "{}")
    execute(url, "UPDATE service_heartbeats SET seen_at = seen_at - interval '2 days'")
    with working_as(url, API) as transaction:
        assert transaction.forget_heartbeats(86_400) == 1


def test_the_script_may_be_run_again_without_a_change_of_the_policies(url: str) -> None:
    question = "SELECT tablename, policyname, roles, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2"
    before = execute(url, question)
    assert len(before) > 20
    run_script(url)
    assert execute(url, question) == before
