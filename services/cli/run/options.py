"""`scalpbot run ingest`, `strategy`, `executor` and `api`: their options."""

from typing import Annotated, Final, Literal, TypeAlias

import typer

from services.cli.groups import with_groups
from services.cli.options import BehindTls, BootstrapFile, ConfigFile, Database, Host, NewsFile, TrustedProxies
from services.cli.run import api_job, executor_job, ingest_job, strategy_job
from services.cli.run.asked import Asked, IngestOrder, Instance
from shared.contracts.runs import RunMode

Mode: TypeAlias = Annotated[
    Literal[RunMode.OFFLINE, RunMode.LIVE],
    typer.Option("--mode", help="LIVE if ingest follows OANDA; late candles then cause no entries."),
]
Partition: TypeAlias = Annotated[
    int, typer.Option("--partition", metavar="N", min=0, help="Partition to assess, counted from 0.")
]
Port: TypeAlias = Annotated[int, typer.Option("--port", min=1, max=65_535, help="Port to answer requests on.")]
PublishedOnLoopback: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--published-on-loopback",
        help="This container's port is published on 127.0.0.1 only: allows any --host without TLS, and "
        "answers only requests for localhost.",
    ),
]
MetricsHost: TypeAlias = Annotated[
    str, typer.Option("--health-host", metavar="HOST", help="Where /metrics is served without a session.")
]
MetricsPort: TypeAlias = Annotated[
    int, typer.Option("--health-port", min=0, max=65_535, help="Port of /metrics; 0 takes any free one.")
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
def api(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    behind_tls: BehindTls = False,
    published_on_loopback: PublishedOnLoopback = False,
    trusted_proxy: TrustedProxies = None,
    bootstrap_file: BootstrapFile = None,
    database: Database = None,
    instance: Instance = None,
    health_host: MetricsHost = "127.0.0.1",
    health_port: MetricsPort = 9104,
    config: ConfigFile = None,
) -> None:
    """Serve the HTTP API: sign in, read everything that the platform holds, send commands, follow what happens."""
    order = api_job.ApiOrder(
        host=host,
        port=port,
        behind_tls=behind_tls,
        published_on_loopback=published_on_loopback,
        trusted_proxies=trusted_proxy or (),
        bootstrap=bootstrap_file,
    )
    api_job.run_api_verb(
        Asked(config=config, database=database, instance=instance, health_host=health_host, health_port=health_port),
        order,
    )
