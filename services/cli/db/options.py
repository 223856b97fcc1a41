"""The verbs `db`: is the database of the schema of this version, make it so, and take a restored one as it is."""

import typer

from services.cli.db import job
from services.cli.groups import with_groups
from services.cli.options import AsJson, AtDatabase

db = typer.Typer(
    name="db", help="Create, upgrade or check the schema; accept a restored database.", no_args_is_help=True
)


@db.command()
@with_groups
def upgrade(at: AtDatabase, as_json: AsJson = False) -> None:
    """Create the database, or upgrade it to the schema of this version."""
    job.upgrade(at, as_json)


@db.command()
@with_groups
def check(at: AtDatabase, as_json: AsJson = False) -> int:
    """Compare the database's schema with the one of this version; exit code 3 if they differ."""
    return job.check(at, as_json)


@db.command("accept-restore")
@with_groups
def accept_restore(at: AtDatabase, as_json: AsJson = False) -> None:
    """Take a database that is not the one its anchors saw as it is: entries stay held, now by the kill switch.

    Ends all sessions and tokens, skips the commands that wait, and begins new anchors; the old ones are kept under
    another name.
    """
    job.accept_restore(at, as_json)
