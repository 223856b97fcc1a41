"""`scalpbot backtest`: read, run, write."""

from services.backtest.result import FillRules
from services.backtest.run import warm_engine
from services.backtest.study import Study, StudyOptions, study
from services.backtest.text_file import refuse_unwritable, write_text_file
from services.backtest.trade_list import trade_lines
from services.backtest.walk_forward import PROFILES, with_profile
from services.cli.backtest.as_json import backtest_document
from services.cli.backtest.order import BacktestOrder
from services.cli.backtest.report import BacktestReport, PairInput
from services.cli.backtest.text import say_report
from services.cli.configuration import read_settings
from services.cli.inputs import candle_files, candle_notes, read_candles
from services.cli.news import read_news
from services.cli.terminal.output import note, say_json
from services.cli.terminal.progress import busy, preparing, steps
from services.ingest.files.candle_file import CandleFile, CandleRead
from shared.calendar.economic import EconomicCalendar
from shared.contracts.errors import InputError
from shared.contracts.runs import RunMode
from shared.core.types import SL_TP, TIMED
from shared.settings.rates import rate_notes
from shared.settings.settings import Settings


def run_backtest_verb(order: BacktestOrder) -> None:
    """Run a backtest and print its report; raise InputError where something that was given is wrong."""
    if order.walk_forward and not order.validation_percent:
        raise InputError("--walk-forward needs candles to validate on; give --validation-percent above 0")
    if order.anchored and not order.walk_forward:
        raise InputError("--anchored goes with walk-forward windows; give --walk-forward WINDOWS too")
    if order.trades is not None:
        refuse_unwritable(order.trades)
    settings = read_settings(order.config)
    files = candle_files(order.csv, order.pair, settings)
    if order.profile is not None:
        settings = with_profile(settings, [each.instrument.name for each in files], order.profile)
    calendar = read_news(order.news)
    with busy("reading candles"):
        reads = read_candles(files, settings, order.granularity, order.skip_bad_rows)
    with preparing("engine"):
        warm_engine([each.instrument for each in files], settings)
    outcome = _studied(order, reads, settings, calendar)
    report = BacktestReport(
        inputs=_inputs(files, reads, settings),
        candle_notes=tuple(candle_notes(reads, settings)),
        news=None if order.news is None else str(order.news),
        blocks_without_news=settings.gates.blocks_without_news(RunMode.BACKTEST),
        max_slippage_pips=settings.risk.max_slippage_pips,
        currency=settings.account.currency,
        study=outcome,
        fewest_trades=order.min_trades,
        rate_notes=tuple(rate_notes(settings, [each.instrument.name for each in files], outcome.result.unconverted)),
    )
    if order.trades is not None:
        write_text_file(order.trades, trade_lines(outcome.result.trades))
        note(f"trade list written to {order.trades}")
    if order.as_json:
        say_json(backtest_document(report))
    else:
        say_report(report)


def _studied(
    order: BacktestOrder, reads: list[CandleRead], settings: Settings, calendar: EconomicCalendar | None
) -> Study:
    options = StudyOptions(
        rules=FillRules(TIMED if order.mode == "time_exit" else SL_TP, order.hold_bars, order.ordering == "optimistic"),
        validation_percent=order.validation_percent,
        windows=order.walk_forward,
        anchored=order.anchored,
        fewest_trades=order.min_trades,
    )
    with steps("walking forward", order.walk_forward and order.walk_forward + len(PROFILES)) as on_step:
        return study([read.series for read in reads], settings, options, calendar, on_step)


def _inputs(files: list[CandleFile], reads: list[CandleRead], settings: Settings) -> tuple[PairInput, ...]:
    found = (PairInput.of(file, read, settings) for file, read in zip(files, reads, strict=True))
    return tuple(sorted(found, key=lambda each: each.pair))
