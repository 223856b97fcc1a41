"""Copies of databases: an SQLite file of our schema, of whichever kind of database, and the way back into either."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, literal, select, text

from shared.contracts.errors import InputError
from shared.store.clock import DatabaseClock
from shared.store.engine import database_url, open_engine, sqlite_url, viewing, writing
from shared.store.faults import faults_named, place
from shared.store.postgresql import SCHEMA_TURN, take_turns
from shared.store.schema import SchemaState, check, refusal, require_current, upgrade
from shared.store.sql_store import SqlStore
from shared.store.tables.leases import LEASES
from shared.store.tables.metadata import METADATA
from shared.store.upkeep.rows import copy_rows, count_rows
from shared.store.upkeep.sqlite_files import copy_pages, make_single, require_sound

# Told how much is done, and of how much.
Progress = Callable[[int, int], None]
# Tables that a role may not read, or of which row security shows it only some rows.
_HIDDEN: Final = """
SELECT count(*) FROM pg_class
WHERE relname = ANY(:names) AND relnamespace = 'public'::regnamespace AND (
    NOT has_table_privilege(oid, 'SELECT')
    OR row_security_active(oid) AND NOT EXISTS (
        SELECT FROM pg_policies
        WHERE schemaname = 'public' AND tablename = relname AND cmd = 'SELECT' AND qual = 'true'
        AND current_user = ANY (roles)
    )
)"""
_NOT_OWNED: Final = """
SELECT count(*) FROM pg_class
WHERE relname = ANY(:names) AND relnamespace = 'public'::regnamespace AND NOT pg_has_role(relowner, 'USAGE')"""


def is_file(url: str) -> bool:
    """Return whether a database is an SQLite file."""
    return database_url(url).get_backend_name() == "sqlite"


def file_of(url: str) -> Path:
    """Return the path of an SQLite database."""
    return Path(str(database_url(url).database))


def copy_out(url: str, target: Path, progress: Progress) -> str:
    """Copy a database as it is at one moment into an empty file and return its schema, whoever writes meanwhile.

    Raises InputError where it is none of ours, cannot be read or, on a server, is not of the current schema, and
    InfrastructureError where it is away or a disk is full.
    """
    found = check(url)
    if found.found is None:
        raise InputError(f"there is no database at {place(database_url(url))}; name another one with --db")
    if found.state in (SchemaState.NEWER, SchemaState.DRAFT):
        raise InputError(refusal(place(database_url(url)), found))
    with _then_examined(target, progress) as copying:
        if is_file(url):
            copy_pages(file_of(url), target, copying)
        else:
            _copy_out_of_server(url, target, copying)
    make_single(target)
    return found.found


def copy_in(source: Path, target: Path, progress: Progress) -> str:
    """Copy a file of ours beside where it is to be, bring it to the current schema, and return the one that it had.

    Raises InputError where it is missing, damaged, not ours or newer.
    """
    url = sqlite_url(source)
    if not source.is_file():
        raise InputError(f"there is no file {source}; name the file that `scalpbot db backup` made")
    # Asked of the copy alone: looking into a file may leave others beside it.
    with _then_examined(target, progress) as copying:
        copy_pages(source, target, copying)
    found = check(sqlite_url(target))
    if found.found is None:
        raise InputError(f"The file {source} holds no database of ours: name the file that `scalpbot db backup` made.")
    if found.state in (SchemaState.NEWER, SchemaState.DRAFT):
        raise InputError(refusal(place(database_url(url)), found))
    upgrade(sqlite_url(target))
    make_single(target)
    return found.found


@contextmanager
def looked_into(path: Path) -> Iterator[SqlStore]:
    """Open a copy for reading, of whatever schema; nothing is left beside it afterwards."""
    engine = open_engine(database_url(sqlite_url(path)))
    store = SqlStore(engine)
    try:
        yield store
    finally:
        store.close()
        make_single(path)


@contextmanager
def _then_examined(target: Path, progress: Progress) -> Iterator[Progress]:
    """Yield whom to tell of the copying, and examine the copy afterwards, which counts as much."""
    most = 0

    def copying(done: int, total: int) -> None:
        nonlocal most
        most = total
        progress(done, 2 * total)

    yield copying
    require_sound(target)
    progress(2 * most, 2 * most)


def _copy_out_of_server(url: str, target: Path, progress: Progress) -> None:
    upgrade(sqlite_url(target))
    with _engine(url) as source, _engine(sqlite_url(target)) as into:
        require_current(source)
        with faults_named(place(source.url)), viewing(source).begin() as reading:
            _require_readable(reading, source.url)
            total = count_rows(reading)
            with faults_named(str(target)), writing(into).begin() as written:
                copy_rows(reading, written, lambda done: progress(done, total))


def require_replaceable(url: str) -> None:
    """Raise InputError where a server's database has tables that this role does not own."""
    if not is_file(url):
        with _engine(url) as target, faults_named(place(target.url)), viewing(target).begin() as connection:
            _require_owner(connection, target.url)


def holds_rows(url: str) -> bool:
    """Return whether a database has rows in its tables; one of another schema than the current one counts as such.

    Raises as `check` does.
    """
    found = check(url)
    if found.state is not SchemaState.CURRENT:
        return found.state is not SchemaState.EMPTY
    with _engine(url) as engine, faults_named(place(engine.url)), viewing(engine).begin() as connection:
        tables = METADATA.sorted_tables
        return any(connection.execute(select(literal(1)).select_from(table).limit(1)).scalar() for table in tables)


def fill_server(source: Path, url: str, progress: Progress) -> None:
    """Put a file's rows in the place of all that a server's database holds, in one transaction.

    Raises InputError while a service leads in it, or where the role does not own the tables.
    """
    upgrade(url)
    with ExitStack() as stack:
        target, file = stack.enter_context(_engine(url)), stack.enter_context(_engine(sqlite_url(source)))
        stack.enter_context(faults_named(place(target.url)))
        written = stack.enter_context(writing(target).begin())
        reading = stack.enter_context(viewing(file).begin())
        take_turns(written, SCHEMA_TURN)
        _require_owner(written, target.url)
        _require_unled(written, target.url)
        with _emptied(written, _names()):
            total = count_rows(reading)
            copy_rows(reading, written, lambda done: progress(done, total))


@contextmanager
def _emptied(connection: Connection, names: list[str]) -> Iterator[None]:
    """Empty all tables past the triggers that keep history, which are there again when the block ends."""
    listed = ", ".join(f'"{name}"' for name in names)
    # The owner took rights on the audit log away from itself, and gives them back for so long.
    connection.execute(text('GRANT TRUNCATE ON "audit_log" TO CURRENT_USER'))
    for name in names:
        connection.execute(text(f'ALTER TABLE "{name}" DISABLE TRIGGER USER'))
    connection.execute(text(f"TRUNCATE {listed}"))
    yield
    for name in names:
        connection.execute(text(f'ALTER TABLE "{name}" ENABLE TRIGGER USER'))
    connection.execute(text('REVOKE TRUNCATE ON "audit_log" FROM CURRENT_USER'))


def _require_readable(connection: Connection, url: URL) -> None:
    if connection.execute(text(_HIDDEN), {"names": _names()}).scalar():
        raise InputError(
            f"The database {place(url)} does not let this role read all of its tables: take backups as "
            "scalpbot_backup, or as their owner, scalpbot_owner."
        )


def _require_owner(connection: Connection, url: URL) -> None:
    if connection.execute(text(_NOT_OWNED), {"names": _names()}).scalar():
        raise InputError(
            f"The database {place(url)} does not let this role replace its tables: restore as their owner, "
            "scalpbot_owner."
        )


def _require_unled(connection: Connection, url: URL) -> None:
    # Nobody takes or renews a lease from here on.
    connection.execute(text('LOCK TABLE "leases" IN ACCESS EXCLUSIVE MODE'))
    led = connection.execute(select(LEASES.c.name).where(LEASES.c.expires_at > DatabaseClock())).scalars().all()
    if led:
        raise InputError(f"services work in {place(url)} now ({', '.join(sorted(led))}); stop them first")


def _names() -> list[str]:
    return [table.name for table in METADATA.sorted_tables]


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    # Large tables take their time.
    engine = open_engine(database_url(url), statement_timeout_seconds=0)
    try:
        yield engine
    finally:
        engine.dispose()
