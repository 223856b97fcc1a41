"""The schema: migrations lead to the declared tables, and every database that is not ours gets one clear sentence."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from shared.contracts.errors import InputError
from shared.store.engine import database_url, open_engine, sqlite_url, writing
from shared.store.schema import STEPS, SchemaState, check, upgrade
from shared.store.sql.session import insert_statements
from shared.store.sql_store import open_store
from shared.store.tables.metadata import METADATA


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "paper.db"


@pytest.fixture
def url(path: Path) -> str:
    return sqlite_url(path)


def sql_in(path: Path, statement: str) -> list[tuple[str, ...]]:
    connection = sqlite3.connect(path)
    with connection:
        rows = connection.execute(statement).fetchall()
    connection.close()
    return rows


def objects_in(path: Path) -> dict[tuple[str, ...], str]:
    rows = sql_in(path, "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master")
    return {tuple(key): " ".join(sql.split()) for *key, sql in rows if key[2] != "alembic_version"}


def test_the_migrations_lead_to_the_declared_schema(tmp_path: Path, path: Path, url: str) -> None:
    upgrade(url)
    declared = tmp_path / "declared.db"
    engine = open_engine(database_url(sqlite_url(declared)))
    with writing(engine).begin() as connection:
        METADATA.create_all(connection)
    engine.dispose()
    assert objects_in(path) == objects_in(declared)
    assert {name for kind, name, _ in objects_in(path) if kind == "trigger"} == {
        "audit_log_refuses_delete",
        "audit_log_refuses_replace",
        "audit_log_refuses_update",
        "trades_refuses_delete",
        "trades_refuses_replace",
        "trades_refuses_update",
    }


def test_nothing_is_left_for_another_migration(url: str) -> None:
    upgrade(url)
    engine = open_engine(database_url(url))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_the_versions_are_those_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", "shared.store:migrations")
    revisions = ScriptDirectory.from_config(config).walk_revisions()
    assert tuple(revision.revision for revision in revisions) == STEPS.versions[::-1]


def test_the_tables_can_be_written_for_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    statements = [str(CreateTable(table).compile(dialect=dialect)) for table in METADATA.sorted_tables]
    statements += [str(CreateIndex(i).compile(dialect=dialect)) for t in METADATA.sorted_tables for i in t.indexes]
    written = "\n".join(statements)
    assert "entry_price NUMERIC NOT NULL" in written
    assert "entry_time TIMESTAMP WITH TIME ZONE NOT NULL" in written
    assert "WHERE status = 'OPEN'" in written
    assert set(insert_statements(dialect)) == set(METADATA.tables)


def test_a_database_goes_from_missing_to_current_once(path: Path, url: str) -> None:
    assert check(url) == (SchemaState.EMPTY, None, STEPS.current)
    assert not path.exists()
    assert upgrade(url).state is SchemaState.EMPTY
    assert check(url) == (SchemaState.CURRENT, STEPS.current, STEPS.current)
    assert upgrade(url).state is SchemaState.CURRENT


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(path: Path, url: str) -> None:
    def fail_at_the_last_table(_1: object, _2: object, statement: str, _3: object, _4: object, _5: object) -> None:
        if "CREATE TABLE outbox" in statement:
            raise RuntimeError("killed")

    event.listen(Engine, "before_cursor_execute", fail_at_the_last_table)
    try:
        with pytest.raises(RuntimeError, match="killed"):
            upgrade(url)
    finally:
        event.remove(Engine, "before_cursor_execute", fail_at_the_last_table)
    assert sql_in(path, "SELECT name FROM sqlite_master") == []
    upgrade(url)
    assert check(url).state is SchemaState.CURRENT


def test_the_folder_of_a_database_is_made(tmp_path: Path) -> None:
    upgrade(sqlite_url(tmp_path / "data" / "new" / "paper.db"))
    assert (tmp_path / "data" / "new" / "paper.db").exists()


def test_a_database_is_durable_and_readable_while_it_is_written(path: Path, url: str) -> None:
    upgrade(url)
    assert sql_in(path, "PRAGMA journal_mode") == [("wal",)]


def test_a_newer_database_is_left_alone(path: Path, url: str) -> None:
    upgrade(url)
    sql_in(path, "UPDATE alembic_version SET version_num = '9999'")
    assert check(url).state is SchemaState.NEWER
    for attempt in (upgrade, open_store):
        with pytest.raises(InputError, match=r"paper\.db has schema 9999, newer than .*: run the newer program"):
            attempt(url)


def test_a_database_without_a_schema_is_not_opened(path: Path, url: str) -> None:
    path.touch()
    with pytest.raises(InputError, match=rf"has schema none instead of {STEPS.current}: run `scalpbot db upgrade`"):
        open_store(url)


def test_a_missing_database_is_not_opened(path: Path, url: str) -> None:
    with pytest.raises(InputError, match=r"paper\.db does not exist: name another file, or make it"):
        open_store(url)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"time,open,high\n", b"SQLite format 3\x00" + b"\x07" * 5_000])
def test_a_file_of_another_kind_is_left_alone(path: Path, url: str, content: bytes) -> None:
    path.write_bytes(content)
    for attempt in (check, upgrade, open_store):
        with pytest.raises(InputError, match=r"The file .*paper\.db is not .*SQLite database.*: name another file"):
            attempt(url)
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_left_alone(path: Path, url: str) -> None:
    sql_in(path, "CREATE TABLE recipes (name TEXT)")
    with pytest.raises(InputError, match=r"holds the tables of another program: name another database"):
        upgrade(url)


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    for attempt in (check, upgrade, open_store):
        with pytest.raises(InputError, match=r"is a folder: name a file in it, such as .*scalpbot\.db"):
            attempt(sqlite_url(tmp_path))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(InputError, match=r"folder of the database .* cannot be made .*: name a file in a folder"):
        upgrade(sqlite_url(tmp_path / "data" / "paper.db"))


def test_a_folder_that_takes_no_files_is_named() -> None:
    kernel = Path("/proc/self")
    if not kernel.is_dir():
        pytest.skip("left out: there is no /proc here, whose folders take no files")
    with pytest.raises(InputError, match=r"paper\.db cannot be opened \(.*\): name a file in a folder"):
        upgrade(sqlite_url(kernel / "paper.db"))


def test_a_file_that_may_not_be_written_is_named(tmp_path: Path, path: Path, url: str) -> None:
    upgrade(url)
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        try:
            (tmp_path / "probe").touch()
        except PermissionError:
            with pytest.raises(InputError, match=r"paper\.db cannot be opened .*: name a file in a folder"):
                open_store(url)
        else:
            pytest.skip("left out: this user may write to files whatever their permissions say")
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.parametrize("url", ["paper.db", "sqlite://", "sqlite:///:memory:", "mysql://host/name"])
def test_only_files_and_postgresql_are_databases(url: str) -> None:
    with pytest.raises(InputError, match=r"write sqlite:///FILE or postgresql://HOST/NAME"):
        database_url(url)


def test_a_password_is_never_shown() -> None:
    with pytest.raises(InputError) as refusal:
        database_url("mysql://ann:secret@host/name")
    assert "secret" not in str(refusal.value)


def test_postgresql_is_spoken_by_psycopg() -> None:
    assert database_url("postgresql://host/name").drivername == "postgresql+psycopg"
