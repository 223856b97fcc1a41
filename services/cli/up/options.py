"""`scalpbot up`: its options."""

from typing import Annotated, TypeAlias

import typer

from services.cli.groups import with_groups
from services.cli.options import AsJson, ConfigFile, Logging
from services.cli.up import job
from services.cli.up.order import ApiBeside, CandleOrder, HealthOrder

Database: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="FILE|URL",
        help="Database to continue with. Default: data/demo.db for the made-up market, else as for paper.",
    ),
]
NoApi: TypeAlias = Annotated[bool, typer.Option("--no-api", help="Trade only, without the API.")]


@with_groups
def up(
    *,
    candles: CandleOrder,
    database: Database = None,
    no_api: NoApi = False,
    api: ApiBeside,
    health: HealthOrder,
    logging: Logging,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Run all services and the HTTP API, trade on paper, and print what happens to the account.

    Stop it with Ctrl-C; started again in the same way, it continues where it was. If there is no user yet, it creates
    the user admin and shows the password once. It opens no position at a broker, whatever the feed.
    """
    around = job.Around(None if no_api else api, health, logging)
    job.run_up_verb(candles, around, database=database, config=config, as_json=as_json)
