"""The verb `doctor`: is everything there that a run needs."""

from typing import Annotated

import typer

from services.cli.doctor import job
from services.cli.groups import with_groups
from services.cli.options import AsJson, AtDatabase


@with_groups
def doctor(
    *,
    pairs: Annotated[
        str | None,
        typer.Option("--pairs", metavar="A,B", help="Pairs to check. Default: those of the settings and the database."),
    ] = None,
    at: AtDatabase,
    as_json: AsJson = False,
) -> int:
    """Check settings, OANDA, clock, database, news and broker, each by itself; exit code 3 if there is a problem.

    It changes nothing, shows no credentials, and ends within half a minute even if nothing answers.
    """
    return job.doctor(at, pairs, as_json)
