"""`scalpbot up`: its options."""

from typing import Annotated, TypeAlias

import typer

from services.cli.options import (
    AsJson,
    BehindTls,
    BootstrapFile,
    CandleFilesIfAny,
    ConfigFile,
    Granularity,
    Host,
    NewsFile,
    SkipBadRows,
    TrustedProxies,
)
from services.cli.up import job
from shared.contracts.runs import Feed

FeedChoice: TypeAlias = Annotated[
    Feed, typer.Option("--feed", help="Where the candles come from: a made-up market, candle files, or OANDA.")
]
Pairs: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--pairs",
        metavar="A,B",
        help="Pairs to trade. Default: EUR_USD,GBP_USD,USD_JPY of the made-up market, all of the files; OANDA needs "
        "them.",
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
Database: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="FILE|URL",
        help="Database to continue with. Default: data/demo.db for the made-up market, else as for paper.",
    ),
]
Port: TypeAlias = Annotated[
    int, typer.Option("--port", min=0, max=65_535, help="Port to answer requests on; 0 takes any free one.")
]
NoApi: TypeAlias = Annotated[bool, typer.Option("--no-api", help="Trade only, without the API.")]
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


def up(
    feed: FeedChoice = Feed.DEMO,
    pairs: Pairs = None,
    csv: CandleFilesIfAny = None,
    news: NewsFile = None,
    granularity: Granularity = None,
    skip_bad_rows: SkipBadRows = False,
    speed: Speed = "1800",
    seed: Seed = None,
    candles: Candles = 0,
    once: Once = False,
    database: Database = None,
    no_api: NoApi = False,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    behind_tls: BehindTls = False,
    trusted_proxy: TrustedProxies = None,
    bootstrap_file: BootstrapFile = None,
    health_host: HealthHost = "127.0.0.1",
    health_port: HealthPort = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Run all services and the HTTP API, trade on paper, and print what happens to the account.

    Stop it with Ctrl-C; started again in the same way, it continues where it was. If there is no user yet, it creates
    the user admin and shows the password once. It opens no position at a broker, whatever the feed.
    """
    job.run_up_verb(
        job.CandleOrder(
            feed=feed,
            pairs=pairs,
            csv=csv or (),
            news=news,
            granularity=granularity,
            skip_bad_rows=skip_bad_rows,
            speed=speed,
            seed=seed,
            candles=candles,
            once=once,
        ),
        None
        if no_api
        else job.ApiOrder(
            host=host, port=port, behind_tls=behind_tls, trusted_proxies=trusted_proxy or (), bootstrap=bootstrap_file
        ),
        job.HealthOrder(health_host, health_port),
        database=database,
        config=config,
        as_json=as_json,
    )
