"""The options that several verbs share."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

_FILES = typer.Option(
    "--csv",
    metavar="[PAIR=]FILE",
    help="Candle file, plain or gzip; repeat it for several pairs. The pair is what stands before '=', else --pair, "
    "else the pair in the file's name.",
)
CandleFiles: TypeAlias = Annotated[list[str], _FILES]
CandleFilesIfAny: TypeAlias = Annotated[list[str] | None, _FILES]
OneCandleFile: TypeAlias = Annotated[
    str,
    typer.Option(
        "--csv",
        metavar="[PAIR=]FILE",
        help="Candle file, plain or gzip. The pair is what stands before '=', else --pair, else the pair in the "
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
        help="Economic calendar, JSON in Forex Factory's weekly form. Default: none, the news gate lets all pass.",
    ),
]
ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings file. Default: ./scalpbot.toml if there is one."),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
Host: TypeAlias = Annotated[str, typer.Option("--host", metavar="HOST", help="Where requests are answered.")]
BehindTls: TypeAlias = Annotated[
    bool,
    typer.Option("--behind-tls", help="TLS ends before us: allows any --host, and binds cookies to TLS."),
]
TrustedProxies: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--trusted-proxy", metavar="ADDRESS", help="Whose X-Forwarded-For names the client; repeatable."),
]
BootstrapFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--bootstrap-file", metavar="FILE", help="Holds the password of the first user, admin, where there is none."
    ),
]
