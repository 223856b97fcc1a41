"""`scalpbot run ingest`, `strategy`, `executor` and `api`: their options."""

from typing import Annotated, Literal, TypeAlias

import typer

from services.cli.options import (
    BehindTls,
    BootstrapFile,
    CandleFilesIfAny,
    ConfigFile,
    Database,
    Granularity,
    Host,
    NewsFile,
    SkipBadRows,
    TrustedProxies,
)
from services.cli.run import api_job, executor_job, ingest_job, strategy_job
from services.cli.run.asked import Asked
from shared.contracts.runs import Feed, RunMode

Instance: TypeAlias = Annotated[
    str | None, typer.Option("--instance", metavar="NAME", help="Name of this process. Default: host and process id.")
]
HealthHost: TypeAlias = Annotated[
    str, typer.Option("--health-host", metavar="HOST", help="Where /healthz, /readyz and /metrics are served.")
]
HealthPort: TypeAlias = Annotated[
    int,
    typer.Option(
        "--health-port", min=0, max=65_535, help="Port of /healthz, /readyz and /metrics; 0 takes any free one."
    ),
]
Broker: TypeAlias = Annotated[
    str | None, typer.Option("--broker", metavar="URL", help="RabbitMQ. Default: RABBITMQ_URL.")
]
Speed: TypeAlias = Annotated[str, typer.Option("--speed", metavar="N|max", help="Market seconds per second, or max.")]
FeedChoice: TypeAlias = Annotated[
    Literal[Feed.REPLAY, Feed.OANDA], typer.Option("--feed", help="Where the candles come from: files, or OANDA.")
]
LivePairs: TypeAlias = Annotated[
    str | None, typer.Option("--pairs", metavar="A,B", help="Pairs to follow, with --feed oanda.")
]
Mode: TypeAlias = Annotated[
    Literal[RunMode.OFFLINE, RunMode.LIVE],
    typer.Option("--mode", help="LIVE if ingest follows OANDA; late candles then cause no entries."),
]
Partition: TypeAlias = Annotated[
    int, typer.Option("--partition", metavar="N", min=0, help="Partition to assess, counted from 0.")
]
Once: TypeAlias = Annotated[bool, typer.Option("--once", help="End after the last candle instead of staying.")]
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


run = typer.Typer(name="run", help="Run one service, for containers.", no_args_is_help=True)


@run.command()
def ingest(
    csv: CandleFilesIfAny = None,
    feed: FeedChoice = Feed.REPLAY,
    pairs: LivePairs = None,
    speed: Speed = "max",
    once: Once = False,
    granularity: Granularity = None,
    skip_bad_rows: SkipBadRows = False,
    database: Database = None,
    broker: Broker = None,
    instance: Instance = None,
    health_host: HealthHost = "127.0.0.1",
    health_port: HealthPort = 9101,
    config: ConfigFile = None,
) -> None:
    """Feed candles into the platform, in order and each once: from files, or from OANDA with its prices and news."""
    order = ingest_job.IngestOrder(
        feed=feed,
        csv=csv or (),
        pairs=pairs,
        speed=speed,
        once=once,
        granularity=granularity,
        skip_bad_rows=skip_bad_rows,
    )
    ingest_job.run_ingest_verb(
        Asked(
            config=config,
            database=database,
            broker=broker,
            instance=instance,
            health_host=health_host,
            health_port=health_port,
        ),
        order,
    )


@run.command()
def strategy(
    partition: Partition = 0,
    mode: Mode = RunMode.OFFLINE,
    news: NewsFile = None,
    database: Database = None,
    broker: Broker = None,
    instance: Instance = None,
    health_host: HealthHost = "127.0.0.1",
    health_port: HealthPort = 9102,
    config: ConfigFile = None,
) -> None:
    """Assess every closed candle of a partition by everything that depends on the market alone."""
    strategy_job.run_strategy_verb(
        Asked(
            config=config,
            database=database,
            broker=broker,
            instance=instance,
            health_host=health_host,
            health_port=health_port,
        ),
        partition=partition,
        mode=mode,
        news=news,
    )


@run.command()
def executor(
    mode: Mode = RunMode.OFFLINE,
    database: Database = None,
    broker: Broker = None,
    instance: Instance = None,
    health_host: HealthHost = "127.0.0.1",
    health_port: HealthPort = 9103,
    config: ConfigFile = None,
) -> None:
    """Settle assessed candles and keep the ledger; of several instances, one leads and the others stand by."""
    executor_job.run_executor_verb(
        Asked(
            config=config,
            database=database,
            broker=broker,
            instance=instance,
            health_host=health_host,
            health_port=health_port,
        ),
        mode,
    )


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
        Asked(
            config=config,
            database=database,
            broker=None,
            instance=instance,
            health_host=health_host,
            health_port=health_port,
        ),
        order,
    )
