"""`scalpbot config`: show and check the settings."""

import typer

from services.cli.config import job
from services.cli.options import AsJson, ConfigFile


def register(program: typer.Typer) -> None:
    """Add the verbs to the program."""
    group = typer.Typer(help="Show or check the settings.", no_args_is_help=False)
    group.command("show")(show)
    group.command("check")(check)
    program.add_typer(group, name="config")


def show(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show every effective setting, secrets hidden; pairs that are not named take the defaults."""
    job.show(config, as_json)


def check(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check the settings; exit 2 and name file, line and value where one is wrong."""
    job.check(config, as_json)
