"""`scalpbot watch`: its options."""

from typing import Annotated, Literal, TypeAlias

import typer

from services.cli.groups import with_groups
from services.cli.options import AtDatabase, Limit, OfPair
from services.cli.watch import job

Watched: TypeAlias = Annotated[
    Literal["status", "trades", "positions", "gates"], typer.Argument(help="What to show again and again.")
]
Seconds: TypeAlias = Annotated[
    float, typer.Option("--every", min=0.2, max=3_600, metavar="SECONDS", help="Seconds from one look to the next.")
]


@with_groups
def watch(
    *, what: Watched = "status", every: Seconds = 2.0, pair: OfPair = None, limit: Limit = 15, at: AtDatabase
) -> None:
    """Show the account, trades, positions or gates, redrawn in place until Ctrl-C."""
    job.watch(what, at, job.Asked(every=every, pair=pair, limit=limit))
