"""The verb `why`: the seven gates of one candle, and what became of it."""

from typing import Annotated

import typer

from services.cli.groups import with_groups
from services.cli.options import AsJson, AtDatabase
from services.cli.why import job


@with_groups
def why(
    pair: Annotated[str, typer.Argument(metavar="PAIR", help="Pair, such as EUR_USD.")],
    time: Annotated[str, typer.Argument(metavar="TIME", help="Open time of the candle, such as 2014-05-08T11:45:00Z.")],
    at: AtDatabase,
    as_json: AsJson = False,
) -> None:
    """Show how each of the seven gates judged one candle, and what came of it.

    TIME is the candle's open time or, if no candle opened then, the time of the decision.
    """
    job.why(at, pair, time=time, as_json=as_json)
