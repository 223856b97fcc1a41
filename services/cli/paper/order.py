"""What `scalpbot paper` is told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from services.cli.options import (
    AsJson,
    CandleFilesIfAny,
    ConfigFile,
    Database,
    Granularity,
    Logging,
    NewsFile,
    Pair,
    SkipBadRows,
)
from shared.contracts.runs import RunMode

Mode: TypeAlias = Annotated[
    Literal[RunMode.OFFLINE, RunMode.LIVE], typer.Option("--mode", help="Where the candles come from.")
]
Pairs: TypeAlias = Annotated[
    str | None,
    typer.Option("--pairs", metavar="A,B", help="Pairs to trade. Default: all of the files; LIVE needs them."),
]
ExportCsv: TypeAlias = Annotated[
    bool, typer.Option("--export-csv", help="Append signals_log.csv and trades_log.csv in --export-dir.")
]
ExportFolder: TypeAlias = Annotated[
    Path, typer.Option("--export-dir", metavar="FOLDER", help="Folder of the CSV logs.")
]


@dataclass(frozen=True, kw_only=True)
class PaperOrder(Logging):
    """What the command line asks for."""

    csv: CandleFilesIfAny = None
    mode: Mode = RunMode.OFFLINE
    pair: Pair = None
    pairs: Pairs = None
    news: NewsFile = None
    granularity: Granularity = None
    skip_bad_rows: SkipBadRows = False
    export_csv: ExportCsv = False
    export_dir: ExportFolder = Path("data")
    database: Database = None
    config: ConfigFile = None
    as_json: AsJson = False
