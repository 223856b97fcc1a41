"""Which schema a database has, and the way to the current one."""

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from shared.contracts.errors import InputError
from shared.store.engine import (
    database_url,
    file_exists,
    make_file,
    make_folder,
    open_engine,
    require_usable_file,
    require_writable,
    writing,
)
from shared.store.faults import faults_named, opening_fault, place
from shared.store.postgresql import SCHEMA_TURN, take_turns


class Steps(NamedTuple):
    """The migrations: the folders that they lie in, and their versions, oldest first."""

    folders: tuple[str, ...]
    versions: tuple[str, ...]

    @property
    def current(self) -> str:
        """Return the version that this program works with."""
        return self.versions[-1]


STEPS: Final = Steps(("shared.store:migrations/versions",), ("0009", "0010", "0011", "0013", "0014", "0015", "0016"))
# What was written before the first release.
DRAFTS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
_VERSION_TABLE: Final = "alembic_version"
RowsDone: TypeAlias = Callable[[int, int], None]


class SchemaState(Enum):
    """How a database's schema relates to the one that this program works with."""

    EMPTY = "empty"
    CURRENT = "current"
    OLDER = "older"
    DRAFT = "draft"
    NEWER = "newer"


class SchemaCheck(NamedTuple):
    """The state of a database's schema, the version found (None in an empty one) and the version wanted."""

    state: SchemaState
    found: str | None
    wanted: str


def check(url: str) -> SchemaCheck:
    """Return the state of the schema; a file that does not exist is empty and stays unmade.

    Raises InputError when the URL, the file or its tables are not ours, InfrastructureError when the database is away.
    """
    parsed = database_url(url)
    if parsed.get_backend_name() == "sqlite":
        require_usable_file(parsed)
        if not file_exists(parsed):
            return SchemaCheck(SchemaState.EMPTY, None, STEPS.current)
    engine = open_engine(parsed)
    try:
        return check_engine(engine)
    finally:
        engine.dispose()


def no_progress(_done: int, _total: int) -> None:
    """Tell nobody."""


def upgrade(url: str, progress: RowsDone = no_progress) -> SchemaCheck:
    """Bring a database to the current schema, all or nothing, and return what was found before.

    `progress` is told how many rows were rewritten, and of how many. Raises InputError for a database that is newer, a
    draft, not ours or cannot be written.
    """
    parsed = database_url(url)
    if parsed.get_backend_name() == "sqlite":
        make_folder(parsed)
        require_usable_file(parsed)
        make_file(parsed)
    # A migration may take its time.
    engine = open_engine(parsed, statement_timeout_seconds=0)
    try:
        found = check_engine(engine)
        if found.state in (SchemaState.NEWER, SchemaState.DRAFT):
            raise InputError(refusal(place(engine.url), found))
        if parsed.get_backend_name() == "sqlite":
            require_writable(engine)
        if found.state is not SchemaState.CURRENT:
            _migrate(engine, progress)
        return found
    finally:
        engine.dispose()


def check_engine(engine: Engine) -> SchemaCheck:
    """Return the state of the schema behind an engine; raises as `check` does."""
    try:
        with engine.connect() as connection:
            tables = inspect(connection).get_table_names()
            found = None
            if _VERSION_TABLE in tables:
                found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DBAPIError as fault:
        raise opening_fault(engine.url, fault) from fault
    if found is None and set(tables) - {_VERSION_TABLE}:
        raise InputError(
            f"The database {place(engine.url)} holds the tables of another program: name another database."
        )
    return SchemaCheck(_state(found), found, STEPS.current)


def refusal(where: str, found: SchemaCheck) -> str:
    """Return why this program cannot work with a database that is not at its schema, and what to do."""
    has = f"The database {where} has schema {found.found or 'none'}"
    match found.state:
        case SchemaState.NEWER:
            return (
                f"{has}, newer than {found.wanted}, the newest that this program knows: run the newer program or name"
                " another database."
            )
        case SchemaState.DRAFT:
            return (
                f"{has}, made before the first release, and cannot be brought to {found.wanted}: keep it for the"
                " program that wrote it, and name another database, into which its candle files can be replayed."
            )
        case _:
            return f"{has} instead of {found.wanted}: run `scalpbot db upgrade`."


def require_current(engine: Engine) -> None:
    """Raise InputError unless the schema behind an engine is the current one."""
    found = check_engine(engine)
    if found.state is not SchemaState.CURRENT:
        raise InputError(refusal(place(engine.url), found))


def _state(found: str | None) -> SchemaState:
    if found is None:
        return SchemaState.EMPTY
    if found in DRAFTS:
        return SchemaState.DRAFT
    if found == STEPS.current:
        return SchemaState.CURRENT
    return SchemaState.OLDER if found in STEPS.versions else SchemaState.NEWER


def _migrate(engine: Engine, progress: RowsDone) -> None:
    # Alembic is only needed here, and importing it costs more than opening the store.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "shared.store:migrations")
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(STEPS.folders))
    with faults_named(place(engine.url)), writing(engine).begin() as connection:
        if engine.dialect.name != "sqlite":
            # Whoever comes second finds the work done.
            take_turns(connection, SCHEMA_TURN)
        config.attributes.update(connection=connection, progress=progress)
        command.upgrade(config, STEPS.current)
