"""The verbs `db`: is the database of the schema of this version, and make it so."""

import typer

from services.cli.db import job
from services.cli.groups import with_groups
from services.cli.options import AsJson, AtDatabase

db = typer.Typer(name="db", help="Create, upgrade or check the database's schema.", no_args_is_help=True)


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
