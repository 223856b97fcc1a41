"""The verbs `run ingest`, `run strategy`, `run executor` and `run api`: one service in this process."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from services.cli.inputs import candle_files, parse_speed, read_candles, read_news, read_settings
from services.cli.options import CandleFilesIfAny, ConfigFile, Granularity, NewsFile, SkipBadRows
from services.cli.run import api as run_api
from services.cli.stored import Database, database_url

if TYPE_CHECKING:
    from shared.settings.settings import Settings

Instance: TypeAlias = Annotated[
    str | None, typer.Option("--instance", metavar="NAME", help="Name of this process. Default: host and process id.")
]
HealthHost: TypeAlias = Annotated[
    str, typer.Option("--health-host", metavar="HOST", help="Where /healthz, /readyz and /metrics are served.")
]
HealthPort: TypeAlias = Annotated[
    int, typer.Option("--health-port", min=0, max=65_535, help="Port of /healthz, /readyz and /metrics; 0 takes any.")
]
Broker: TypeAlias = Annotated[
    str | None, typer.Option("--broker", metavar="URL", help="RabbitMQ. Default: RABBITMQ_URL.")
]
Speed: TypeAlias = Annotated[str, typer.Option("--speed", metavar="N|max", help="Market seconds to a second, or max.")]


class Feed(StrEnum):
    """Where the candles come from."""

    REPLAY = "replay"
    OANDA = "oanda"


class RunKind(StrEnum):
    """Whether candles are past or happen now."""

    OFFLINE = "OFFLINE"
    LIVE = "LIVE"


FeedChoice: TypeAlias = Annotated[Feed, typer.Option("--feed", help="Where the candles come from: files, or OANDA.")]
LivePairs: TypeAlias = Annotated[
    str | None, typer.Option("--pairs", metavar="A,B", help="Pairs to follow, with --feed oanda.")
]
Mode: TypeAlias = Annotated[
    RunKind, typer.Option("--mode", help="LIVE where ingest follows OANDA; then old candles bring no entries.")
]
Partition: TypeAlias = Annotated[
    int, typer.Option("--partition", metavar="N", min=0, help="Which of the partitions to judge, counted from 0.")
]
Once: TypeAlias = Annotated[bool, typer.Option("--once", help="End after the last candle instead of staying.")]


def register(program: typer.Typer) -> None:
    """Add the verbs."""
    run = typer.Typer(help="Run one service, for containers.", no_args_is_help=True)
    run.command("ingest")(ingest)
    run.command("strategy")(strategy)
    run.command("executor")(executor)
    run.command("api")(run_api.api)
    program.add_typer(run, name="run")


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
    """Bring candles into the platform, in order and each once: those of files, or OANDA's with its prices and news."""
    from services.cli.process import served_process
    from services.ingest.process import run_ingest

    settings = read_settings(config)
    if feed is Feed.OANDA:
        urls = database_url(database, settings), _broker_url(broker, settings)
        _ingest_live(settings, pairs, csv, urls, (instance, health_host, health_port))
        return
    pace = parse_speed(speed)
    reads = read_candles(candle_files(_required_files(csv), None), settings, granularity, skip_bad_rows)
    urls = database_url(database, settings), _broker_url(broker, settings)
    partitions = settings.deployment.partitions
    with served_process("ingest", instance, health_host, health_port) as around:
        run_ingest(around, [read.series for read in reads], partitions, pace, once, *urls)


def _ingest_live(
    settings: "Settings",
    pairs: str | None,
    csv: list[str] | None,
    urls: tuple[str, str],
    outside: tuple[str | None, str, int],
) -> None:
    from services.cli.paper.live import live_pairs
    from services.cli.process import served_process
    from services.ingest.live.opened import require_account
    from services.ingest.live.process import run_ingest_live
    from shared.contracts.errors import InputError

    if csv:
        raise InputError("--csv goes with --feed replay; OANDA's candles come over the network")
    names = live_pairs(pairs)
    require_account(settings.runtime)
    with served_process("ingest", *outside) as around:
        run_ingest_live(around, settings, names, *urls)


def strategy(
    partition: Partition = 0,
    mode: Mode = RunKind.OFFLINE,
    news: NewsFile = None,
    database: Database = None,
    broker: Broker = None,
    instance: Instance = None,
    health_host: HealthHost = "127.0.0.1",
    health_port: HealthPort = 9102,
    config: ConfigFile = None,
) -> None:
    """Judge every closed candle of a partition by all that depends on the market alone."""
    from services.cli.process import served_process
    from services.strategy.process import run_strategy
    from shared.contracts.errors import InputError
    from shared.contracts.runs import RunMode

    settings = read_settings(config)
    if partition >= settings.deployment.partitions:
        raise InputError(
            f"there is no partition {partition}: setting deployment.partitions is {settings.deployment.partitions}, "
            "and they are counted from 0"
        )
    calendar = read_news(news)
    urls = database_url(database, settings), _broker_url(broker, settings)
    with served_process("strategy", instance, health_host, health_port) as around:
        run_strategy(around, settings, RunMode(mode), calendar, partition, *urls)


def executor(
    mode: Mode = RunKind.OFFLINE,
    database: Database = None,
    broker: Broker = None,
    instance: Instance = None,
    health_host: HealthHost = "127.0.0.1",
    health_port: HealthPort = 9103,
    config: ConfigFile = None,
) -> None:
    """Settle assessed candles and keep the ledger; of several instances one leads and the others stand by."""
    from services.cli.process import served_process
    from services.executor.process import run_executor
    from shared.contracts.runs import RunMode

    settings = read_settings(config)
    urls = database_url(database, settings), _broker_url(broker, settings)
    with served_process("executor", instance, health_host, health_port) as around:
        run_executor(around, settings, RunMode(mode), *urls)


def _required_files(csv: list[str] | None) -> list[str]:
    from shared.contracts.errors import InputError

    if not csv:
        raise InputError("there is nothing to replay: give candle files with --csv, or --feed oanda")
    return csv


def _broker_url(given: str | None, settings: "Settings") -> str:
    from shared.contracts.errors import InputError

    if given is not None:
        return given
    url = settings.runtime.rabbitmq_url
    if url is None:
        raise InputError("there is no broker to work with: set RABBITMQ_URL or give --broker amqp://HOST/VHOST")
    return url.get_secret_value()
