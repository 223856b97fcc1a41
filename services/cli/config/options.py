"""`scalpbot config`: show and check the settings."""

import typer

from services.cli.config import job
from services.cli.options import AsJson, ConfigFile

config = typer.Typer(name="config", help="Show or check the settings.", no_args_is_help=False)


@config.command()
def show(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show every effective setting, secrets hidden; pairs that are not named take the defaults."""
    job.show(config, as_json)


@config.command()
def check(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check the settings; exit 2 and name file, line and value where one is wrong."""
    job.check(config, as_json)
