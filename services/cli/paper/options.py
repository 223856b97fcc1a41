"""The verb `paper`: trade candles on paper and keep everything."""

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from services.cli.inputs import candle_files, chosen_files, read_candles, read_news, read_settings
from services.cli.options import AsJson, CandleFilesIfAny, ConfigFile, Granularity, NewsFile, Pair, SkipBadRows
from services.cli.output import say_json
from services.cli.paper.report import pair_of, paper_report, say_paper_report
from services.cli.progress import bar
from services.cli.stored import Database, database_url, trading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.ingest.feed import CandleFeed
    from services.ingest.files.candle_file import CandleFile, CandleRead
    from services.inspection.csv_export import ExportedRows
    from services.platform.sole_trader import Trader
    from shared.calendar.economic import EconomicCalendar
    from shared.settings.settings import Settings


class PaperMode(StrEnum):
    """Where the candles come from."""

    OFFLINE = "OFFLINE"
    LIVE = "LIVE"


Mode: TypeAlias = Annotated[PaperMode, typer.Option("--mode", help="Where the candles come from.")]
Pairs: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--pairs",
        metavar="A,B",
        help="Pairs to trade. Default: all of the files; LIVE needs them.",
    ),
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

    LIVE follows OANDA's candles and prices until it is stopped, and opens nothing there. Running it again continues:
    candles that the database holds are not traded twice, whatever interrupted the run.
    """
    from shared.store.engine import shown_place

    settings = read_settings(config)
    url = database_url(database, settings)
    if mode is PaperMode.LIVE:
        _require_no_files(csv, pair, news, granularity, skip_bad_rows)
        report, rows = _live(settings, url, pairs, export_dir if export_csv else None, as_json)
    else:
        files = _files(csv or [], pair, pairs)
        reads = read_candles(files, settings, granularity, skip_bad_rows)
        report, rows = _offline(settings, url, files, reads, news, export_dir if export_csv else None)
    report["stored_in"] = shown_place(url)
    if rows is not None:
        report["exported"] = {"folder": str(export_dir), **rows._asdict()}
    if as_json:
        say_json(report)
    else:
        say_paper_report(report)


def _offline(
    settings: "Settings",
    url: str,
    files: "Sequence[CandleFile]",
    reads: "Sequence[CandleRead]",
    news: Path | None,
    export: Path | None,
) -> "tuple[dict[str, Any], ExportedRows | None]":
    from services.cli.process import own_process
    from services.inspection.csv_export import export_logs
    from shared.anchors.anchoring import anchored
    from shared.contracts.granularity import granularity_name

    calendar = read_news(news)
    described = []
    for read in reads:
        name, times = granularity_name(read.series.granularity_seconds), read.series.time
        described.append(pair_of(read.series.instrument.name, name, settings, (int(times[0]), int(times[-1]))))
    with trading(url, "paper") as trader:
        with anchored(own_process("paper", lambda: False), trader.store, settings.runtime, url):
            run = _replay(trader, settings, files, reads, calendar)
        with trader.store.reading() as reader:
            report = paper_report(reader, settings, PaperMode.OFFLINE, described)
            rows = None if export is None else export_logs(reader, export)
    report["rejected_rows"] = sum(len(read.rejected) for read in reads)
    report["run"] = {**run, "news": None if news is None else str(news)}
    return report, rows


def _live(
    settings: "Settings", url: str, pairs: str | None, export: Path | None, as_json: bool
) -> "tuple[dict[str, Any], ExportedRows | None]":
    from services.cli.paper.live import live_pairs, trade_live
    from services.ingest.live.opened import require_account
    from services.inspection.csv_export import export_logs

    names = live_pairs(pairs)
    require_account(settings.runtime)
    described = [pair_of(name, settings.live.granularity, settings) for name in names]
    with trading(url, "paper") as trader:
        with trader.store.reading() as reader:
            before = reader.candle_count()
        trade_live(trader, settings, names, url, as_json)
        with trader.store.reading() as reader:
            report = paper_report(reader, settings, PaperMode.LIVE, described)
            rows = None if export is None else export_logs(reader, export)
    report["rejected_rows"] = 0
    report["run"] = {"new_candles": report["candles"] - before, "news": settings.live.calendar_url}
    return report, rows


def _require_no_files(
    csv: list[str] | None, pair: str | None, news: Path | None, granularity: str | None, skip_bad_rows: bool
) -> None:
    from shared.contracts.errors import InputError

    given = {"--csv": csv, "--pair": pair, "--news": news, "--granularity": granularity}
    for name, value in {**given, "--skip-bad-rows": skip_bad_rows}.items():
        if value:
            raise InputError(
                f"{name} goes with --mode OFFLINE; a live run takes candles, prices and news from where the section "
                "[live] of the settings says"
            )


def _replay(
    trader: "Trader",
    settings: "Settings",
    files: "Sequence[CandleFile]",
    reads: "Sequence[CandleRead]",
    calendar: "EconomicCalendar | None",
) -> dict[str, Any]:
    from services.ingest.feed import unstored
    from services.platform.platform import Platform
    from shared.contracts.runs import RunMode
    from shared.runtime.remembered import remember_run
    from shared.runtime.streams import agree_on_partitions

    store = trader.store
    with store.reading() as reader:
        arrivals = unstored(reader, [read.series for read in reads])
    remember_run(store, settings, calendar, int(time.time()))
    agree_on_partitions(store, settings.deployment.partitions, int(time.time()))
    platform = Platform(store, settings, RunMode.OFFLINE, calendar, fence=trader.fence)
    _note_quality(platform.feed, files, reads)
    started = time.perf_counter()
    with bar("trading on paper", len(arrivals)) as progress:
        platform.replay(arrivals, progress)
    seconds = round(time.perf_counter() - started, 3)
    return {"new_candles": len(arrivals), "recovered_candles": platform.recovered, "seconds": seconds}


def _files(csv: "Sequence[str]", pair: str | None, pairs: str | None) -> "list[CandleFile]":
    from shared.contracts.errors import InputError

    if not csv:
        raise InputError("there is nothing to trade: give at least one candle file with --csv [PAIR=]FILE")
    return chosen_files(candle_files(csv, pair), pairs)


def _note_quality(feed: "CandleFeed", files: "Sequence[CandleFile]", reads: "Sequence[CandleRead]") -> None:
    from services.ingest.feed import gap_rows
    from shared.store.rows.market import RejectedCandleRow

    gaps = [row for read in reads for row in gap_rows(read.series)]
    rejected = [
        RejectedCandleRow(str(file.path), row.line, row.reason, row.text, file.instrument.name)
        for file, read in zip(files, reads, strict=True)
        for row in read.rejected
    ]
    feed.note_quality(gaps, rejected)
