"""The schema on PostgreSQL: migrations lead to the declared tables, all or nothing, and nobody else's are touched."""

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, event

from shared.contracts.errors import InputError
from shared.store.engine import database_url, open_engine, writing
from shared.store.schema import STEPS, SchemaState, check, upgrade
from shared.store.sql_store import open_store
from shared.store.tables.metadata import METADATA

_OBJECTS = """
SELECT 'column', table_name || '.' || column_name,
       concat_ws(' ', data_type, numeric_precision, is_nullable, column_default)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'view', viewname, definition FROM pg_views WHERE schemaname = 'public'
UNION ALL
SELECT 'sequence', sequencename, sequencename FROM pg_sequences WHERE schemaname = 'public'
UNION ALL
SELECT 'function', proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""


def sql_in(url: str, statement: str) -> list[tuple[Any, ...]]:
    engine = open_engine(database_url(url))
    with writing(engine).begin() as connection:
        result = connection.exec_driver_sql(statement)
        rows = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return rows


def objects_in(url: str) -> dict[tuple[str, str], str]:
    return {
        (kind, name): definition
        for kind, name, definition in sql_in(url, _OBJECTS)
        if not name.startswith("alembic_version")
    }


def test_the_migrations_lead_to_the_declared_schema(postgres_url: str, empty_postgres_url: str) -> None:
    engine = open_engine(database_url(empty_postgres_url))
    with writing(engine).begin() as connection:
        METADATA.create_all(connection)
    engine.dispose()
    migrated = objects_in(postgres_url)
    assert migrated == objects_in(empty_postgres_url)
    assert {name for kind, name in migrated if kind == "trigger"} == {
        "audit_log_refuses_change",
        "audit_log_refuses_truncate",
        "trades_refuses_change",
        "trades_refuses_truncate",
    }


def test_nothing_is_left_for_another_migration(postgres_url: str) -> None:
    engine = open_engine(database_url(postgres_url))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_a_database_goes_from_empty_to_current_once(empty_postgres_url: str) -> None:
    assert check(empty_postgres_url) == (SchemaState.EMPTY, None, STEPS.current)
    assert upgrade(empty_postgres_url).state is SchemaState.EMPTY
    assert check(empty_postgres_url) == (SchemaState.CURRENT, STEPS.current, STEPS.current)
    assert upgrade(empty_postgres_url).state is SchemaState.CURRENT


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(empty_postgres_url: str) -> None:
    def fail_at_the_last_table(_1: object, _2: object, statement: str, _3: object, _4: object, _5: object) -> None:
        if "CREATE TABLE service_heartbeats" in statement:
            raise RuntimeError("killed")

    event.listen(Engine, "before_cursor_execute", fail_at_the_last_table)
    try:
        with pytest.raises(RuntimeError, match="killed"):
            upgrade(empty_postgres_url)
    finally:
        event.remove(Engine, "before_cursor_execute", fail_at_the_last_table)
    assert objects_in(empty_postgres_url) == {}
    assert upgrade(empty_postgres_url).state is SchemaState.EMPTY


def test_a_newer_database_is_left_alone(postgres_url: str) -> None:
    sql_in(postgres_url, "UPDATE alembic_version SET version_num = '9999'")
    for attempt in (upgrade, open_store):
        with pytest.raises(InputError, match=r"has schema 9999, newer than .*: run the newer program"):
            attempt(postgres_url)


def test_a_database_of_before_the_first_release_is_left_as_it_is(postgres_url: str) -> None:
    sql_in(postgres_url, "UPDATE alembic_version SET version_num = '0008'")
    before = objects_in(postgres_url)
    for attempt in (upgrade, open_store):
        with pytest.raises(InputError, match=r"has schema 0008, made before the first release, and cannot be brought"):
            attempt(postgres_url)
    assert objects_in(postgres_url) == before
    assert sql_in(postgres_url, "SELECT version_num FROM alembic_version") == [("0008",)]


def test_the_database_of_another_program_is_left_alone(empty_postgres_url: str) -> None:
    sql_in(empty_postgres_url, "CREATE TABLE recipes (name TEXT)")
    with pytest.raises(InputError, match=r"holds the tables of another program: name another database"):
        upgrade(empty_postgres_url)


def test_a_database_without_a_schema_is_not_opened(empty_postgres_url: str) -> None:
    with pytest.raises(InputError, match=r"has schema none instead of .*: run `scalpbot db upgrade`"):
        open_store(empty_postgres_url)
