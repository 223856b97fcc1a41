"""The verbs `db`: is the database of the schema of this version, and make it so."""

import typer

from services.cli.db import job
from services.cli.options import AsJson, ConfigFile, Database, Where


def register(program: typer.Typer) -> None:
    """Add the verbs."""
    db = typer.Typer(help="Create, upgrade or check the database's schema.", no_args_is_help=True)
    db.command("upgrade")(upgrade)
    db.command("check")(check)
    program.add_typer(db, name="db")


def upgrade(database: Database = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Create the database, or upgrade it to the schema of this version."""
    job.upgrade(Where(database, config), as_json)


def check(database: Database = None, config: ConfigFile = None, as_json: AsJson = False) -> int:
    """Compare the database's schema with the one of this version; exit code 3 if they differ."""
    return job.check(Where(database, config), as_json)
