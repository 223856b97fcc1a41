"""What services are told on the command line."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import typer

from services.cli.options import CandleFilesIfAny, ConfigFile, Database, Granularity, SkipBadRows
from shared.contracts.runs import Feed

Broker: TypeAlias = Annotated[
    str | None, typer.Option("--broker", metavar="URL", help="RabbitMQ. Default: RABBITMQ_URL.")
]
Instance: TypeAlias = Annotated[
    str | None, typer.Option("--instance", metavar="NAME", help="Name of this process. Default: host and process id.")
]


@dataclass(frozen=True, kw_only=True)
class Asked:
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
