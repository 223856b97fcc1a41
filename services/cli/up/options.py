"""The verb `up`: the whole platform in this process, with the HTTP API, on a made-up market, candle files or OANDA."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias

import typer

from services.cli.inputs import read_settings
from services.cli.options import AsJson, CandleFilesIfAny, ConfigFile, Granularity, NewsFile, SkipBadRows
from services.cli.output import note
from services.cli.run.api import BehindTls, BootstrapFile, Host, TrustedProxies, platform_of
from services.cli.stopping import Stop
from services.cli.stored import trading
from services.cli.up.feeds import TRADING, Feed, Given, Run, chosen_feed, place_of

if TYPE_CHECKING:
    import socket

    from shared.runtime.process import Surroundings

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
    str, typer.Option("--speed", metavar="N|max", help="Market seconds to a second, or max; not with OANDA.")
]
Seed: TypeAlias = Annotated[
    int | None, typer.Option("--seed", min=0, help="Which made-up market. Default: that of the database, else 1.")
]
Candles: TypeAlias = Annotated[
    int, typer.Option("--candles", min=0, help="Stop after so many new candles; 0 goes on until stopped.")
]
Once: TypeAlias = Annotated[bool, typer.Option("--once", help="End after the last candle of the files.")]
Database: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="FILE|URL",
        help="Database to go on with. Default: data/demo.db for the made-up market, else as for paper.",
    ),
]
Port: TypeAlias = Annotated[
    int, typer.Option("--port", min=0, max=65_535, help="Port on which they are; 0 takes any that is free.")
]
NoApi: TypeAlias = Annotated[bool, typer.Option("--no-api", help="Only trade; answer no requests.")]
HealthHost: TypeAlias = Annotated[str, typer.Option("--health-host", metavar="HOST", help="Where --health-port is.")]
HealthPort: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--health-port",
        min=0,
        max=65_535,
        help="Port of /healthz, /readyz and /metrics without a session; 0 takes any. Default: none.",
    ),
]


class _Api(NamedTuple):
    """How the API answers."""

    listener: "socket.socket"
    behind_tls: bool
    trusted_proxies: list[str]
    bootstrap: Path | None


def register(program: typer.Typer) -> None:
    """Add the verb."""
    program.command("up")(up)


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
    """Run all services and the HTTP API, trade on paper, and tell what happens to the account.

    Stop it with Ctrl-C; started again in the same way, it goes on where it was. Where nobody may sign in yet, it makes
    the user admin and shows the password once. It opens no position at a broker, whatever the feed.
    """
    from shared.anchors.anchoring import anchored
    from shared.store.engine import shown_place

    settings = read_settings(config)
    chosen = chosen_feed(
        feed, Given(pairs, csv or [], news, granularity, skip_bad_rows, speed, seed, candles, once), settings
    )
    url = place_of(feed, database, settings)
    with ExitStack() as stack:
        api = None
        if not no_api:
            listener = stack.enter_context(_listener(host, port, behind_tls))
            api = _Api(listener, behind_tls, trusted_proxy or [], bootstrap_file)
        trader = stack.enter_context(trading(url, "up"))
        stop = stack.enter_context(Stop())
        run = Run(_outside(stop), trader, settings, url, as_json)
        _tell_health(stack, run, health_host, health_port)
        chosen.prepare(run)
        stack.enter_context(anchored(run.around, trader.store, settings.runtime, url))
        if api is not None:
            run = stack.enter_context(_answering(run, api))
        done = chosen.trade(run)
        note(f"stopped after {done} new candles; everything is in {shown_place(url)}")


@contextmanager
def _listener(host: str, port: int, behind_tls: bool) -> "Iterator[socket.socket]":
    """Listen before anything is opened: a port that is taken is no reason to have traded."""
    from services.api.serving import listening, require_safe_address

    require_safe_address(host, behind_tls)
    with listening(host, port) as listener:
        yield listener


def _outside(stop: Stop) -> "Surroundings":
    """Return the outside of this process; of the many that follow each other on a database only the last is known."""
    from services.cli.process import own_process

    return own_process("up", lambda: stop.asked, f"up-{gethostname()}")


def _tell_health(stack: ExitStack, run: Run, host: str, port: int | None) -> None:
    """Have the health of the process be told on a port of its own, where one is wanted."""
    from shared.runtime.health import HealthServer

    run.around.health.waits_for(TRADING, "the platform has not begun to trade")
    if port is not None:
        server = stack.enter_context(HealthServer(run.around.health, host, port))
        run.around.log.info("health is told", health_port=server.port)


@contextmanager
def _answering(run: Run, api: _Api) -> Iterator[Run]:
    """Answer requests for as long as the block lasts; what is run in it stops where they can be answered no more."""
    from services.api.context import SERVICE
    from services.api.lifetime import recorded
    from services.api.serving import first_password, served
    from shared.runtime.logs import service_log
    from shared.store.engine import shown_place

    around = run.around
    ours = replace(around, log=service_log(SERVICE, around.instance))
    platform = platform_of(ours, run.trader.store, run.settings, run.url, api.behind_tls)
    password = first_password(platform, api.bootstrap)
    with recorded(platform), served(platform, api.listener, api.trusted_proxies) as ended:
        address, port, *_ = api.listener.getsockname()
        note(f"API: {'https' if api.behind_tls else 'http'}://{_in_url(address)}:{port}/api/status")
        if password is not None:
            place = shown_place(run.url)
            # Nobody can be asked for a password here; the log would keep it, and this line is read once.
            note(f"sign in as admin with the password {password}")
            note(f"the next start makes another, until you set one: scalpbot users passwd admin --db {place}")
        yield run._replace(around=replace(around, stopped=lambda: around.stopped() or ended()))


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address
