"""What services are told on the command line."""

from dataclasses import dataclass, field
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
    Logging,
    RootPath,
    SkipBadRows,
    TrustedProxies,
)
from shared.contracts.runs import Feed

Broker: TypeAlias = Annotated[
    str | None, typer.Option("--broker", metavar="URL", help="RabbitMQ. Default: RABBITMQ_URL.")
]
Instance: TypeAlias = Annotated[
    str | None, typer.Option("--instance", metavar="NAME", help="Name of this process. Default: host and process id.")
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
RequireSecondFactor: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--require-second-factor",
        help="Operators and admins only read, and set up a second factor, until they have one.",
    ),
]
MetricsHost: TypeAlias = Annotated[
    str, typer.Option("--health-host", metavar="HOST", help="Where /metrics is served without a session.")
]
MetricsPort: TypeAlias = Annotated[
    int, typer.Option("--health-port", min=0, max=65_535, help="Port of /metrics; 0 takes any free one.")
]


@dataclass(frozen=True, kw_only=True)
class Asked(Logging):
    """Where a service finds its settings, database and broker, its name, and where it tells its health."""

    database: Database = None
    broker: Broker = None
    instance: Instance = None
    health_host: Annotated[
        str, typer.Option("--health-host", metavar="HOST", help="Where /healthz, /readyz and /metrics are served.")
    ] = "127.0.0.1"
    health_port: Annotated[
        int,
        typer.Option(
            "--health-port", min=0, max=65_535, help="Port of /healthz, /readyz and /metrics; 0 takes any free one."
        ),
    ]
    config: ConfigFile = None


@dataclass(frozen=True, kw_only=True)
class ApiAsked(Asked):
    """The same for the API, which speaks to no broker; at `health_host` its figures take no session."""

    broker: str | None = field(default=None, init=False)
    health_host: MetricsHost = "127.0.0.1"
    health_port: MetricsPort = 9104


@dataclass(frozen=True, kw_only=True)
class UpkeepAsked(Asked):
    """The same for upkeep, which speaks to no broker."""

    broker: str | None = field(default=None, init=False)
    health_port: MetricsPort = 9106


@dataclass(frozen=True)
class IngestOrder:
    """What the command line says about the candles."""

    csv: CandleFilesIfAny = None
    feed: Annotated[
        Literal[Feed.REPLAY, Feed.OANDA], typer.Option("--feed", help="Where the candles come from: files, or OANDA.")
    ] = Feed.REPLAY
    pairs: Annotated[str | None, typer.Option("--pairs", metavar="A,B", help="Pairs to follow, with --feed oanda.")] = (
        None
    )
    speed: Annotated[str, typer.Option("--speed", metavar="N|max", help="Market seconds per second, or max.")] = "max"
    once: Annotated[bool, typer.Option("--once", help="End after the last candle instead of staying.")] = False
    granularity: Granularity = None
    skip_bad_rows: SkipBadRows = False


@dataclass(frozen=True)
class ApiOrder:
    """Where requests are answered, and how they and the first user come."""

    host: Host = "127.0.0.1"
    port: Port = 8000
    behind_tls: BehindTls = False
    root_path: RootPath = ""
    published_on_loopback: PublishedOnLoopback = False
    trusted_proxy: TrustedProxies = None
    bootstrap_file: BootstrapFile = None
    require_second_factor: RequireSecondFactor = False
