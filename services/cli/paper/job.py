"""`scalpbot paper`: read, trade, write."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from services.cli.configuration import read_settings
from services.cli.database import database_url
from services.cli.documents.account import Paper, PaperRun
from services.cli.inputs import candle_files, candle_notes, chosen_files, live_pairs, read_candles
from services.cli.news import read_news
from services.cli.paper.order import PaperOrder
from services.cli.paper.report import RunReport, pair_of, paper_report, say_paper_report
from services.cli.paper.screen import shown
from services.cli.process import Stop, own_process
from services.cli.terminal.output import note, say_json
from services.cli.terminal.progress import bar, busy
from services.cli.terminal.streams import lasting_streams
from services.cli.trading import note_holds, note_missing_rates, trading
from services.executor.restored import proven
from services.ingest.live.opened import require_account
from services.ingest.news.cache import cache_beside
from services.inspection.csv_export import export_logs
from services.platform.files import trade_files
from services.platform.live import run_paper_live
from services.platform.sole_trader import Trader
from services.platform.trading import Audience, Run
from services.upkeep.retention import retained
from shared.contracts.errors import InputError
from shared.contracts.granularity import granularity_name
from shared.contracts.runs import RunMode
from shared.runtime.process import Process
from shared.runtime.remembered import begin_run
from shared.settings.settings import Settings
from shared.store.engine import shown_place

# Whoever trades files watches a bar and reads a report; what goes well needs no log beside them.
_USUAL_LEVEL: Final = "warning"


def run_paper_verb(order: PaperOrder) -> None:
    """Trade, and write the report of what was traded."""
    settings = read_settings(order.config)
    url = database_url(order.database, settings)
    with lasting_streams():
        report = _live(order, settings, url) if order.mode is RunMode.LIVE else _offline(order, settings, url)
    if order.as_json:
        say_json(report, in_one_line=order.mode is RunMode.LIVE)
    else:
        say_paper_report(report)


def _offline(order: PaperOrder, settings: Settings, url: str) -> Paper:
    if not order.csv:
        raise InputError("there is nothing to trade: give at least one candle file with --csv [PAIR=]FILE")
    files = chosen_files(candle_files(order.csv, order.pair, settings), order.pairs)
    with busy("reading candles"):
        reads = read_candles(files, settings, order.granularity, order.skip_bad_rows)
    calendar = read_news(order.news)
    described = []
    for read in reads:
        name, times = granularity_name(read.series.granularity_seconds), read.series.time
        described.append(pair_of(read.series.instrument.name, name, settings, (int(times[0]), int(times[-1]))))
    with trading(url, "paper") as trader:
        process = own_process("paper", lambda: False, level=order.level(_USUAL_LEVEL))
        run = Run(process, trader, settings)
        with proven(run.process, trader.store, settings.runtime, url, trader.fence):
            note_holds(trader.store)
            read_files = list(zip(files, reads, strict=True))
            traded = trade_files(run, read_files, calendar, partial(bar, "trading on paper"))
        added: PaperRun = {
            "new_candles": traded.new_candles,
            "recovered_candles": traded.recovered_candles,
            "seconds": traded.seconds,
            "news": None if order.news is None else str(order.news),
        }
        rejected = sum(len(read.rejected) for read in reads)
        told = RunReport(
            mode=RunMode.OFFLINE, pairs=described, run=added, rejected_rows=rejected, stored_in=shown_place(url)
        )
        report = _report(order, run, told)
    report["notes"] += candle_notes(reads, settings)
    return report


def _live(order: PaperOrder, settings: Settings, url: str) -> Paper:
    _require_no_files(order)
    names = live_pairs(order.pairs)
    require_account(settings.runtime)
    described = [pair_of(name, settings.live.granularity, settings) for name in names]
    with trading(url, "paper") as trader:
        with trader.store.reading() as reader:
            before = reader.candle_count()
        outside = partial(own_process, level=order.level(_USUAL_LEVEL))
        run = trade_live(trader, settings, names, url, order.as_json, outside)
        with trader.store.reading() as reader:
            new = reader.candle_count() - before
        added: PaperRun = {
            "new_candles": new,
            "recovered_candles": 0,
            "seconds": None,
            "news": settings.live.calendar_url,
        }
        told = RunReport(mode=RunMode.LIVE, pairs=described, run=added, rejected_rows=0, stored_in=shown_place(url))
        return _report(order, run, told)


def trade_live(
    trader: Trader,
    settings: Settings,
    pairs: Sequence[str],
    url: str,
    as_json: bool,
    outside: Callable[[str, Callable[[], bool]], Process] = own_process,
) -> Run:
    """Trade live candles on paper until asked to stop; a table on a terminal, else an event to a line."""
    with Stop() as stop, shown(trader.store, pairs, as_json) as (watch, tell):
        process = outside("paper", lambda: stop.asked)
        run = Run(process, trader, settings)
        begin_run(trader.store, settings, None, RunMode.LIVE, int(process.clock()))
        with (
            proven(process, trader.store, settings.runtime, url, trader.fence),
            retained(process, trader.store, settings.retention, trader.fence),
        ):
            note_missing_rates(trader.store, settings, pairs)
            run_paper_live(run, pairs, cache_beside(url), Audience(note, tell, partial(watch, process)))
    return run


def _report(order: PaperOrder, run: Run, told: RunReport) -> Paper:
    with run.trader.store.reading() as reader:
        report = paper_report(reader, run.settings, told)
        if order.export_csv:
            rows = export_logs(reader, order.export_dir)
            report["exported"] = {"folder": str(order.export_dir), "signals": rows.signals, "trades": rows.trades}
    return report


def _require_no_files(order: PaperOrder) -> None:
    given = {"--csv": order.csv, "--pair": order.pair, "--news": order.news, "--granularity": order.granularity}
    for name, value in {**given, "--skip-bad-rows": order.skip_bad_rows}.items():
        if value:
            raise InputError(
                f"{name} goes with --mode OFFLINE; a live run takes its candles, prices and news from the sources "
                "in section [live] of the settings"
            )
