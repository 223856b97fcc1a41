"""The verbs `db`: is the database of the schema of this version, and make it so."""

import typer

from services.cli.db import job
from services.cli.options import AsJson, ConfigFile, Database, Where

db = typer.Typer(name="db", help="Create, upgrade or check the database's schema.", no_args_is_help=True)


@db.command()
def upgrade(database: Database = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Create the database, or upgrade it to the schema of this version."""
    job.upgrade(Where(database, config), as_json)


@db.command()
def check(database: Database = None, config: ConfigFile = None, as_json: AsJson = False) -> int:
    """Compare the database's schema with the one of this version; exit code 3 if they differ."""
    return job.check(Where(database, config), as_json)
