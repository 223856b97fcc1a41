"""`scalpbot db`: the schema of the database."""

from services.cli.configuration import read_settings
from services.cli.database import database_url
from services.cli.options import AtDatabase
from services.cli.output import DID_NOT_HOLD, say, say_json
from shared.store import schema
from shared.store.engine import shown_place
from shared.store.schema import SchemaState


def upgrade(where: AtDatabase, as_json: bool) -> None:
    """Bring the database to the schema of this version and print what it was; raise InputError where that cannot be."""
    url = _url(where)
    before = schema.upgrade(url)
    after = schema.check(url)
    if as_json:
        say_json({"before": before.found, "now": after.found})
    elif before.state is SchemaState.CURRENT:
        say(f"The database already has schema {after.found}.")
    else:
        say(f"The database now has schema {after.found} (it was {before.found or 'empty'}).")


def check(where: AtDatabase, as_json: bool) -> int:
    """Print the database's schema, and return the exit code that says whether it is the one of this version."""
    url = _url(where)
    found = schema.check(url)
    current = found.state is SchemaState.CURRENT
    if as_json:
        say_json({"state": found.state.value, "found": found.found, "wanted": found.wanted})
    elif current:
        say(f"The database has the schema of this version, {found.wanted}.")
    elif found.state is SchemaState.EMPTY:
        say(f"There is no database at {shown_place(url)} yet; `scalpbot db upgrade` creates it.")
    else:
        say(schema.refusal(shown_place(url), found))
    return 0 if current else DID_NOT_HOLD


def _url(where: AtDatabase) -> str:
    return database_url(where.database, read_settings(where.config))
