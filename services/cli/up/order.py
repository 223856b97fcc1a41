"""What `scalpbot up` is told about its candles, its API and its health."""

from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

import typer

from services.cli.options import CandleFilesIfAny, Granularity, NewsFile, SkipBadRows
from services.cli.run.asked import ApiOrder
from shared.contracts.runs import Feed

FeedChoice: TypeAlias = Annotated[
    Feed, typer.Option("--feed", help="Where the candles come from: a made-up market, candle files, or OANDA.")
]
Pairs: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--pairs",
        metavar="A,B",
        help="Pairs to trade. Default: EUR_USD, GBP_USD and USD_JPY of the made-up market, all of the files; OANDA "
        "needs them.",
    ),
]
Speed: TypeAlias = Annotated[
    str, typer.Option("--speed", metavar="N|max", help="Market seconds per second, or max; not with OANDA.")
]
Seed: TypeAlias = Annotated[
    int | None, typer.Option("--seed", min=0, help="Which made-up market. Default: that of the database, else 1.")
]
Candles: TypeAlias = Annotated[
    int, typer.Option("--candles", min=0, help="Stop after this many new candles; 0 for no limit.")
]
Once: TypeAlias = Annotated[bool, typer.Option("--once", help="End after the last candle of the files.")]
HealthHost: TypeAlias = Annotated[str, typer.Option("--health-host", metavar="HOST", help="Address of --health-port.")]
HealthPort: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--health-port",
        min=0,
        max=65_535,
        help="Port of /healthz, /readyz and /metrics without a session; 0 takes any free one. Default: none.",
    ),
]
Port: TypeAlias = Annotated[
    int, typer.Option("--port", min=0, max=65_535, help="Port to answer requests on; 0 takes any free one.")
]


@dataclass(frozen=True)
class CandleOrder:
    """What the command line says about the candles."""

    feed: FeedChoice = Feed.DEMO
    pairs: Pairs = None
    csv: CandleFilesIfAny = None
    news: NewsFile = None
    granularity: Granularity = None
    skip_bad_rows: SkipBadRows = False
    speed: Speed = "1800"
    seed: Seed = None
    candles: Candles = 0
    once: Once = False


@dataclass(frozen=True)
class HealthOrder:
    """Where the health of the process is told on a port of its own; None for nowhere."""

    health_host: HealthHost = "127.0.0.1"
    health_port: HealthPort = None


@dataclass(frozen=True)
class ApiBeside(ApiOrder):
    """Where requests are answered beside trading, which goes on in no container of its own."""

    port: Port = 8000
    published_on_loopback: bool = field(default=False, init=False)
