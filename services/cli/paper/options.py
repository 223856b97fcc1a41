"""`scalpbot paper`: its options."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from services.cli.options import (
    AsJson,
    CandleFilesIfAny,
    ConfigFile,
    Database,
    Granularity,
    NewsFile,
    Pair,
    SkipBadRows,
)
from services.cli.paper import job
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


def paper(
    csv: CandleFilesIfAny = None,
    mode: Mode = RunMode.OFFLINE,
    pair: Pair = None,
    pairs: Pairs = None,
    news: NewsFile = None,
    granularity: Granularity = None,
    skip_bad_rows: SkipBadRows = False,
    export_csv: ExportCsv = False,
    export_dir: ExportFolder = Path("data"),
    database: Database = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Trade candles on paper through all services in this process, and store everything.

    LIVE follows OANDA's candles and prices until it is stopped, and opens nothing there. Running it again continues:
    candles that the database holds are not traded twice, whatever interrupted the run.
    """
    order = job.PaperOrder(
        csv=tuple(csv or ()),
        live=mode is RunMode.LIVE,
        pair=pair,
        pairs=pairs,
        news=news,
        granularity=granularity,
        skip_bad_rows=skip_bad_rows,
        export_folder=export_dir if export_csv else None,
        database=database,
        config=config,
        as_json=as_json,
    )
    job.run_paper_verb(order)
