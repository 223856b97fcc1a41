"""The verb `doctor`: is everything there that a run needs."""

from typing import Annotated

import typer

from services.cli.doctor import job
from services.cli.options import AsJson, ConfigFile, Database, Where


def doctor(
    pairs: Annotated[
        str | None,
        typer.Option("--pairs", metavar="A,B", help="Pairs to check. Default: those of the settings and the database."),
    ] = None,
    database: Database = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> int:
    """Check settings, OANDA, clock, database, news and broker, each by itself; exit code 3 if there is a problem.

    It changes nothing, shows no credentials, and ends within half a minute even if nothing answers.
    """
    return job.doctor(Where(database, config), pairs, as_json)
