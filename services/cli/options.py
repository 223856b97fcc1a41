"""The options that several verbs share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from services.cli.variables import PASSWORD_FILE_VARIABLE, TOKEN_FILE_VARIABLE, TOKEN_VARIABLE

_FILES = typer.Option(
    "--csv",
    metavar="[PAIR=]FILE",
    help="Candle file, plain, gzip or zip; repeat it for several pairs. The pair is the text before '=', else --pair, "
    "else the pair in the file's name.",
)
CandleFiles: TypeAlias = Annotated[list[str], _FILES]
CandleFilesIfAny: TypeAlias = Annotated[list[str] | None, _FILES]
OneCandleFile: TypeAlias = Annotated[
    str,
    typer.Option(
        "--csv",
        metavar="[PAIR=]FILE",
        help="Candle file, plain, gzip or zip. The pair is the text before '=', else --pair, else the pair in the "
        "file's name.",
    ),
]
Pair: TypeAlias = Annotated[
    str | None,
    typer.Option("--pair", metavar="PAIR", help="Pair of the candle file, such as EUR_USD. Default: see --csv."),
]
Granularity: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Granularity of the candles, such as M5. Default: inferred from their times."),
]
SkipBadRows: TypeAlias = Annotated[
    bool, typer.Option("--skip-bad-rows", help="Drop and count bad rows instead of refusing the file.")
]
NewsFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--news",
        metavar="FILE",
        help="Economic calendar, JSON in Forex Factory's weekly form. Default: none; the news gate then passes every "
        "candle.",
    ),
]
ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings file. Default: ./scalpbot.toml if there is one."),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
Host: TypeAlias = Annotated[str, typer.Option("--host", metavar="HOST", help="Address to answer requests on.")]
BehindTls: TypeAlias = Annotated[
    bool,
    typer.Option("--behind-tls", help="TLS ends at a proxy in front: allows any --host, and marks cookies as secure."),
]
RootPath: TypeAlias = Annotated[
    str,
    typer.Option(
        "--root-path",
        metavar="PATH",
        help="Path below which a proxy in front has the API, such as /scalpbot, with or without passing it on. "
        "Default: none.",
    ),
]
TrustedProxies: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--trusted-proxy",
        metavar="ADDRESS",
        help="Address or network of a proxy whose X-Forwarded-For names the client; repeatable.",
    ),
]
BootstrapFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--bootstrap-file",
        metavar="FILE",
        help="File with the password of admin, the first user, created if there is no user yet.",
    ),
]
Database: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="FILE|URL",
        help="Database: an SQLite file or a URL. Default: DATABASE_URL, else SCALP_BOT_DB_PATH, else the one that a "
        "platform started in this folder trades in, else data/paper_trading.db.",
    ),
]
Limit: TypeAlias = Annotated[
    int, typer.Option("--limit", min=1, metavar="N", help="Show at most N rows, newest first.")
]
OfPair: TypeAlias = Annotated[str | None, typer.Option("--pair", metavar="PAIR", help="Show only this pair.")]
Url: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", help="Use the API at this address, such as https://host:8443, instead of a database."
    ),
]
User: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--user",
        metavar="NAME",
        help="Who signs in with --url. The password is asked for, read from stdin, or from the file that "
        f"{PASSWORD_FILE_VARIABLE} names. Without it the token in {TOKEN_VARIABLE}, or in the file that "
        f"{TOKEN_FILE_VARIABLE} names, is shown.",
    ),
]
BrokerUrl: TypeAlias = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Address of RabbitMQ. Default: RABBITMQ_URL.")
]
Partitions: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--partitions",
        min=1,
        metavar="N",
        help="Number of strategy processes that share the candles. Default: setting deployment.partitions.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Logging:
    """How much of what happens a verb logs on stderr."""

    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None,
        typer.Option(
            "--log-level",
            metavar="LEVEL",
            help="Least that is logged on stderr: debug, info, warning or error. Default: info; warning for paper, and "
            "on a terminal for up.",
        ),
    ] = None
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens, too: as --log-level info.")] = (
        False
    )

    def level(self, usual: str) -> str:
        """Return the level that was asked for, else the usual one."""
        return self.log_level or ("info" if self.verbose else usual)


@dataclass(frozen=True)
class Between:
    """Of which time rows are shown; `begin` is in it, `end` is not."""

    begin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help="Show only rows from this time (UTC) on: 2026-01-05, 2026-01-05T12:00, or how long ago: 12h, 7d.",
        ),
    ] = None
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Show only rows before this time, given like --from.")
    ] = None


@dataclass(frozen=True)
class AtDatabase:
    """The database that a verb works on."""

    database: Database = None
    config: ConfigFile = None


@dataclass(frozen=True)
class Where(AtDatabase):
    """Where a verb works: on a database, or at an API where a user signs in."""

    url: Url = None
    user: User = None


@dataclass(frozen=True)
class AtBroker:
    """Which message broker a verb works on, and among how many strategy processes it divides the candles."""

    url: BrokerUrl = None
    partitions: Partitions = None
    config: ConfigFile = None
