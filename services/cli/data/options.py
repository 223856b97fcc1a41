"""`scalpbot data`: candle files, looked at before they are used and fetched from OANDA."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.data import check_job, download_job
from services.cli.options import AsJson, CandleFiles, ConfigFile, Granularity, Pair

data = typer.Typer(
    name="data", help="Check candle files before they are used, and download them.", no_args_is_help=True
)


@data.command()
def check(
    csv: CandleFiles,
    pair: Pair = None,
    granularity: Granularity = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> int:
    """Check candle files: rows, period, spreads, gaps and every bad row; exit code 3 where a row is bad."""
    return check_job.check(csv, pair, granularity=granularity, config=config, as_json=as_json)


@data.command()
def download(
    pair: Annotated[str, typer.Option("--pair", metavar="PAIR", help="Pair of the candles, such as EUR_USD.")],
    granularity: Annotated[
        str, typer.Option("--granularity", metavar="NAME", help="Granularity of the candles, such as M5.")
    ],
    from_: Annotated[
        str, typer.Option("--from", metavar="TIME", help="First open time, such as 2026-01-05T00:00:00Z.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="CSV file to make, or to continue after its last row.")
    ],
    to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Open times end before this time. Default: now.")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Download complete bid/ask candles from OANDA into a CSV file; the same command goes on after an interruption.

    It takes the token of OANDA_API_KEY and the environment of OANDA_ENV.
    """
    download_job.download(pair, granularity, span=(from_, to), out=out, config=config, as_json=as_json)
