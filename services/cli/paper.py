"""The verb `paper`: trade candles on paper and keep everything."""

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from services.cli.inputs import candle_files, read_candles, read_news, read_settings
from services.cli.options import AsJson, ConfigFile, Granularity, NewsFile, Pair, SkipBadRows
from services.cli.output import say_json
from services.cli.paper_report import paper_report, say_paper_report
from services.cli.progress import bar
from services.cli.stored import Database, database_url, shown_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.ingest.candle_file import CandleFile, CandleRead
    from services.ingest.feed import CandleFeed
    from shared.calendar.economic import EconomicCalendar
    from shared.runtime.settings import Settings
    from shared.store.port import Store


class PaperMode(StrEnum):
    """Where the candles come from."""

    OFFLINE = "OFFLINE"
    LIVE = "LIVE"


CandleFilesIfAny: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--csv",
        metavar="[PAIR=]FILE",
        help="Candle file, plain or gzip; repeat it for several pairs. The pair is what stands before '=', else "
        "--pair, else the pair in the file's name.",
    ),
]
Mode: TypeAlias = Annotated[PaperMode, typer.Option("--mode", help="Where the candles come from.")]
Pairs: TypeAlias = Annotated[
    str | None, typer.Option("--pairs", metavar="A,B", help="Trade only these pairs of the files. Default: all.")
]
ExportCsv: TypeAlias = Annotated[
    bool, typer.Option("--export-csv", help="Append signals_log.csv and trades_log.csv in --export-dir.")
]
ExportFolder: TypeAlias = Annotated[
    Path, typer.Option("--export-dir", metavar="FOLDER", help="Where the CSV logs lie.")
]


def register(program: typer.Typer) -> None:
    """Add the verb."""
    program.command("paper")(paper)


def paper(
    csv: CandleFilesIfAny = None,
    mode: Mode = PaperMode.OFFLINE,
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

    Running it again continues: candles that the database holds are not traded twice, whatever interrupted the run.
    """
    from services.csv_export import export_logs
    from services.embedded import opened_store

    settings = read_settings(config)
    files = _files(csv or [], mode, pair, pairs)
    reads = read_candles(files, settings, granularity, skip_bad_rows)
    calendar = read_news(news)
    url = database_url(database, settings)
    with opened_store(url) as store:
        run = _replay(store, settings, files, reads, calendar)
        with store.reading() as reader:
            report = paper_report(reader, settings, [read.series for read in reads])
            rows = export_logs(reader, export_dir) if export_csv else None
    report["rejected_rows"] = sum(len(read.rejected) for read in reads)
    report["run"] = {**run, "news": None if news is None else str(news)}
    report["stored_in"] = shown_place(url)
    if rows is not None:
        report["exported"] = {"folder": str(export_dir), **rows._asdict()}
    if as_json:
        say_json(report)
    else:
        say_paper_report(report)


def _replay(
    store: "Store",
    settings: "Settings",
    files: "Sequence[CandleFile]",
    reads: "Sequence[CandleRead]",
    calendar: "EconomicCalendar | None",
) -> dict[str, Any]:
    from services.embedded import Platform, remember_run
    from services.ingest.feed import unstored
    from shared.runtime.settings import RunMode
    from shared.runtime.streams import agree_on_partitions

    with store.reading() as reader:
        arrivals = unstored(reader, [read.series for read in reads])
    remember_run(store, settings, calendar, int(time.time()))
    agree_on_partitions(store, settings.deployment.partitions, int(time.time()))
    platform = Platform(store, settings, RunMode.OFFLINE, calendar)
    _note_quality(platform.feed, files, reads)
    started = time.perf_counter()
    with bar("trading on paper", len(arrivals)) as progress:
        platform.replay(arrivals, progress)
    seconds = round(time.perf_counter() - started, 3)
    return {"new_candles": len(arrivals), "recovered_candles": platform.recovered, "seconds": seconds}


def _files(csv: "Sequence[str]", mode: PaperMode, pair: str | None, pairs: str | None) -> "list[CandleFile]":
    from shared.contracts.errors import InputError
    from shared.contracts.pairs import parse_pair

    if mode is PaperMode.LIVE:
        raise InputError(
            "--mode LIVE needs a live feed, which this version does not have; use --mode OFFLINE with --csv"
        )
    if not csv:
        raise InputError("there is nothing to trade: give at least one candle file with --csv [PAIR=]FILE")
    files = candle_files(csv, pair)
    if pairs is None:
        return files
    wanted = {parse_pair(name.strip()).name for name in pairs.split(",")}
    missing = wanted - {each.instrument.name for each in files}
    if missing:
        raise InputError(f"--pairs names {', '.join(sorted(missing))}, but no --csv brings candles of it")
    return [each for each in files if each.instrument.name in wanted]


def _note_quality(feed: "CandleFeed", files: "Sequence[CandleFile]", reads: "Sequence[CandleRead]") -> None:
    from services.ingest.feed import gap_rows
    from shared.store.rows import RejectedCandleRow

    gaps = [row for read in reads for row in gap_rows(read.series)]
    rejected = [
        RejectedCandleRow(str(file.path), row.line, row.reason, row.text, file.instrument.name)
        for file, read in zip(files, reads, strict=True)
        for row in read.rejected
    ]
    feed.note_quality(gaps, rejected)
