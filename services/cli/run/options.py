"""`scalpbot run ingest`, `strategy`, `executor`, `api` and `upkeep`: their options."""

from typing import Annotated, Final, Literal, TypeAlias

import typer

from services.cli.groups import with_groups
from services.cli.options import NewsFile
from services.cli.run import api_job, executor_job, ingest_job, strategy_job, upkeep_job
from services.cli.run.asked import ApiAsked, ApiOrder, Asked, IngestOrder, UpkeepAsked
from shared.contracts.runs import RunMode

Mode: TypeAlias = Annotated[
    Literal[RunMode.OFFLINE, RunMode.LIVE],
    typer.Option("--mode", help="LIVE if ingest follows OANDA; late candles then cause no entries."),
]
Partition: TypeAlias = Annotated[
    int, typer.Option("--partition", metavar="N", min=0, help="Partition to assess, counted from 0.")
]

_INGEST: Final = Asked(health_port=9101)
_STRATEGY: Final = Asked(health_port=9102)
_EXECUTOR: Final = Asked(health_port=9103)

run = typer.Typer(name="run", help="Run one service, for containers.", no_args_is_help=True)


@run.command()
@with_groups
def ingest(order: IngestOrder, asked: Asked = _INGEST) -> None:
    """Feed candles into the platform, in order and each once: from files, or from OANDA with its prices and news."""
    ingest_job.run_ingest_verb(asked, order)


@run.command()
@with_groups
def strategy(
    partition: Partition = 0, mode: Mode = RunMode.OFFLINE, news: NewsFile = None, asked: Asked = _STRATEGY
) -> None:
    """Assess every closed candle of a partition by everything that depends on the market alone."""
    strategy_job.run_strategy_verb(asked, partition=partition, mode=mode, news=news)


@run.command()
@with_groups
def executor(mode: Mode = RunMode.OFFLINE, asked: Asked = _EXECUTOR) -> None:
    """Settle assessed candles and keep the ledger; of several instances, one leads and the others stand by."""
    executor_job.run_executor_verb(asked, mode)


@run.command()
@with_groups
def api(order: ApiOrder, asked: ApiAsked) -> None:
    """Serve the HTTP API: sign in, read everything that the platform holds, send commands, follow what happens."""
    api_job.run_api_verb(asked, order)


@run.command()
@with_groups
def upkeep(asked: UpkeepAsked) -> None:
    """Delete once a day what section retention of the settings calls old; of several instances, one leads."""
    upkeep_job.run_upkeep_verb(asked)
