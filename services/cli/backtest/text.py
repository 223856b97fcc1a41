"""A backtest's report for people: what was run and by which rules, then what came of it."""

from typing import Final

from services.backtest.metrics import Metrics
from services.backtest.result import FillRules
from services.backtest.study import Study
from services.backtest.thresholds import Threshold, ThresholdVerdict
from services.backtest.trade_list import in_order
from services.backtest.walk_forward import JudgedSpan, Split, WalkForward
from services.cli.backtest.report import BacktestReport, PairInput
from services.cli.ledger.rows import numbered_trade, say_trades
from services.cli.terminal.output import (
    NO_VALUE,
    duration_text,
    money_text,
    number_text,
    percent_text,
    say,
    say_figures,
)
from services.cli.terminal.tables import BAD, GOOD, LATE, AnyCell, Column, money_cell, say_table, time_cell, word_cell
from shared.contracts.decimals import format_money, format_points
from shared.contracts.shown import shown_entry, trade_hash
from shared.contracts.times import format_time
from shared.core.types import QUANTA_PER_UNIT, TIMED

_TRADES_SHOWN: Final = 10
_VERDICTS: Final = {
    ThresholdVerdict.PASS: "pass",
    ThresholdVerdict.FAIL: "FAIL",
    ThresholdVerdict.NOT_JUDGED: "not judged",
}
_VERDICT_STYLES: Final = {"pass": GOOD, "FAIL": BAD, "WARNING": BAD, "not judged": LATE}
_THRESHOLD_WORDS: Final = {
    "win_rate_percent": ("win rate", " %"),
    "profit_factor": ("profit factor", ""),
    "max_drawdown_percent": ("maximum drawdown", " %"),
    "sharpe": ("Sharpe ratio", ""),
    "win_rate_gap_points": ("win rate, training minus validation", " points"),
}


def say_report(report: BacktestReport) -> None:
    """Write the whole report to stdout."""
    study = report.study
    _say_run(report)
    _say_results(study.metrics, study, report.currency)
    _say_costs(study, report.currency)
    _say_funnel(study)
    _say_thresholds(study.thresholds)
    if study.split is not None:
        _say_split(study.split, report.fewest_trades)
    if study.walk is not None:
        _say_walk(study.walk, report.currency)
    _say_open_positions(study)
    _say_trades(study)
    for warning in report.warnings():
        say(f"Note: {warning}")
    say(f"Trade hash: {trade_hash(study.result.trades)}")


def _say_run(report: BacktestReport) -> None:
    result = report.study.result
    say(
        f"Backtest of {result.candles:,} candles, {format_time(result.start_time)} (first open) to "
        f"{format_time(result.end_time)} (last close), UTC"
    )
    say()
    say_table(
        "Input (times are opens)",
        [
            Column("pair"),
            Column("granularity"),
            Column("candles", right=True),
            Column("dropped", right=True, leave=4),
            Column("first", leave=2),
            Column("last", leave=1),
            Column("strategy"),
            Column("profile", cut=True),
            Column("file", cut=True, leave=3),
        ],
        [_input_row(each) for each in report.inputs],
    )
    slippage = f"adverse, drawn from 0 to {report.max_slippage_pips} pips" if report.max_slippage_pips else "none"
    say_figures("Rules", [*_fill_words(result.rules), ("slippage", slippage), ("news", report.news_words())])


def _input_row(each: PairInput) -> list[AnyCell]:
    parameters = " ".join(f"{name}={value:g}" for name, value in each.parameters.items())
    return [
        each.pair,
        each.granularity,
        f"{each.candles:,}",
        f"{each.rejected_rows:,}",
        time_cell(format_time(each.first_time)),
        time_cell(format_time(each.last_time)),
        each.strategy,
        f"{each.profile} ({parameters})",
        f"{each.file} ({each.header_kind})",
    ]


def _fill_words(rules: FillRules) -> list[tuple[str, str]]:
    if rules.exit_mode == TIMED:
        return [
            ("entry", "at the open of the candle after the signal: BUY at ask, SELL at bid"),
            ("exit", f"at the open of the candle {rules.hold_candles} candles after the entry candle"),
            ("SL and TP", "they size the trade, but do not close it"),
        ]
    first = "take profit is taken first (optimistic)" if rules.optimistic else "stop loss is taken first (pessimistic)"
    return [
        ("entry", "at the close of the signal candle: BUY at ask, SELL at bid"),
        (
            "exit",
            "from the next candle on, BUY watched on bid, SELL on ask; an open beyond SL or TP fills at that open",
        ),
        ("SL and TP in one candle", f"{first}; such trades are counted as ambiguous"),
    ]


def _say_results(metrics: Metrics, study: Study, currency: str) -> None:
    result = study.result
    drawdown = metrics.max_drawdown
    dates = ""
    if drawdown.peak_time is not None and drawdown.trough_time is not None:
        dates = f", {format_time(drawdown.peak_time)} to {format_time(drawdown.trough_time)}"
    unrealised = sum(position.unrealised for position in result.open_positions) / QUANTA_PER_UNIT
    ambiguity = study.ambiguity
    ambiguous = str(ambiguity.trades)
    if ambiguity.trades:
        ambiguous += (
            f"; net pessimistic {format_money(ambiguity.pessimistic_net)}, "
            f"optimistic {format_money(ambiguity.optimistic_net)} {currency}"
        )
    factor, expectancy_r = number_text(metrics.profit_factor), number_text(metrics.expectancy_r)
    say_figures(
        "Results",
        [
            ("net of closed trades", f"{money_text(metrics.net, currency)} ({metrics.return_percent:+.2f} %)"),
            ("balance", f"{money_text(result.balance / QUANTA_PER_UNIT, currency)}"),
            ("open positions", f"{len(result.open_positions)}, unrealised {money_text(unrealised, currency)}"),
            ("trades", f"{metrics.trades} ({metrics.trades_per_day:.2f} per FX day)"),
            ("wins, losses", f"{metrics.wins}, {metrics.losses} (win rate {percent_text(metrics.win_rate_percent)})"),
            ("profit factor", factor),
            ("expectancy", f"{money_text(metrics.expectancy, currency)} per trade ({expectancy_r} R)"),
            ("maximum drawdown", f"{percent_text(drawdown.percent)}{dates}"),
            (
                "Sharpe, Sortino, Calmar",
                f"{number_text(metrics.sharpe)}, {number_text(metrics.sortino)}, {number_text(metrics.calmar)}",
            ),
            ("exposure", f"{percent_text(metrics.exposure_percent)} of the candles"),
            ("mean holding time", duration_text(metrics.mean_holding_seconds)),
            ("most losses in a row", str(metrics.max_consecutive_losses)),
            ("ambiguous trades", ambiguous),
        ],
    )


def _say_costs(study: Study, currency: str) -> None:
    metrics = study.metrics
    total = metrics.spread_cost + metrics.slippage_cost
    say_figures(
        "Costs paid (included in the net)",
        [
            ("spread", money_text(metrics.spread_cost, currency)),
            ("slippage", money_text(metrics.slippage_cost, currency)),
            ("total", money_text(total, currency)),
        ],
    )


def _say_funnel(study: Study) -> None:
    funnel = study.funnel
    left = funnel.candles
    rows = []
    for gate in funnel.gates:
        left -= gate.stopped_first
        rows.append(
            [str(gate.gate), gate.name.replace("_", " "), f"{gate.stopped_first:,}", f"{left:,}", f"{gate.failed:,}"]
        )
    say_table(
        f"Gate funnel of {funnel.candles:,} candles",
        [
            Column("gate", right=True),
            Column("name"),
            Column("stopped first", right=True),
            Column("left", right=True),
            Column("failed in total", right=True),
        ],
        rows,
    )
    refusals = ", ".join(f"{reason} {count}" for reason, count in study.result.refusals.items()) or "none"
    say_figures(
        "Candles that passed all gates",
        [("passed", str(funnel.passed)), ("entries", str(funnel.entries)), ("refused orders", refusals)],
    )


def _say_thresholds(thresholds: tuple[Threshold, ...]) -> None:
    rows: list[list[AnyCell]] = []
    for threshold in thresholds:
        name, unit = _THRESHOLD_WORDS[threshold.name]
        value = NO_VALUE if threshold.value is None else f"{threshold.value:.2f}{unit}"
        limit = f"{threshold.comparison} {threshold.limit:g}{unit}"
        rows.append([name, value, limit, word_cell(_VERDICTS[threshold.verdict], _VERDICT_STYLES)])
    say_table(
        "Acceptance thresholds",
        [Column("figure"), Column("found", right=True), Column("required", right=True), Column("verdict")],
        rows,
    )


_SIDE_COLUMNS: Final = (
    Column("trades", right=True),
    Column("win rate", right=True, leave=3),
    Column("net", right=True),
    Column("profit factor", right=True, leave=2),
    Column("max drawdown", right=True, leave=1),
)


def _side_cells(side: JudgedSpan) -> list[AnyCell]:
    metrics = side.metrics
    return [
        str(metrics.trades),
        percent_text(metrics.win_rate_percent),
        money_cell(f"{metrics.net:,.4f}"),
        number_text(metrics.profit_factor),
        percent_text(metrics.max_drawdown.percent),
    ]


def _say_split(split: Split, fewest_trades: int) -> None:
    say_table(
        "Training and validation (each a run of its own, indicators warm)",
        [Column("side"), Column("from"), Column("to"), Column("candles", right=True), *_SIDE_COLUMNS],
        [
            [
                name,
                time_cell(format_time(side.start_time)),
                time_cell(format_time(side.end_time)),
                f"{side.candles:,}",
                *_side_cells(side),
            ]
            for name, side in (("training", split.train), ("validation", split.validation))
        ],
    )
    if split.win_rate_gap_points is None:
        say(f"Overfit: not judged; at least {fewest_trades} trades are needed on both sides.")
    else:
        verdict = "WARNING, the strategy looks fitted to its past" if split.overfit else "no sign of it"
        say(f"Overfit: {verdict} (win rate falls by {split.win_rate_gap_points:.2f} points).")
    say()


def _say_walk(walk: WalkForward, currency: str) -> None:
    kind = "anchored" if walk.anchored else "rolling"
    rows = []
    for number, window in enumerate(walk.windows, start=1):
        split = window.split
        times = (split.train.start_time, split.validation.start_time, split.validation.end_time)
        overfit = "not judged" if split.win_rate_gap_points is None else "WARNING" if split.overfit else "no"
        rows.append(
            [
                str(number),
                *map(time_cell, map(format_time, times)),
                window.profile,
                money_cell(f"{split.train.metrics.net:,.4f}"),
                *_side_cells(split.validation),
                percent_text(split.decay_percent),
                word_cell(overfit, _VERDICT_STYLES),
            ]
        )
    columns = [
        Column("window", right=True),
        Column("training from", leave=6),
        Column("validation from"),
        Column("to", leave=5),
        Column("profile"),
        Column("training net", right=True, leave=4),
        *_SIDE_COLUMNS,
        Column("decay", right=True),
        Column("overfit"),
    ]
    say_table(f"Walk-forward, {kind}: profile chosen in training, figures of the validation", columns, rows)
    say(
        f"Out of sample: {walk.trades} trades, net {money_text(walk.net, currency)}; "
        f"decay of the profit per day {percent_text(walk.decay_percent)}."
    )
    say()


def _say_open_positions(study: Study) -> None:
    rows = []
    for position in study.result.open_positions:
        entry = shown_entry(position.entry)
        rows.append(
            [
                *(entry["pair"], entry["side"], f"{entry['units']:,}"),
                time_cell(entry["entry_time"]),
                *(entry[name] for name in ("entry_price", "sl", "tp")),
                format_points(position.last_price, position.entry.digits),
                money_cell(format_money(position.unrealised)),
            ]
        )
    if rows:
        names = ("entry price", "sl", "tp", "last price", "unrealised")
        say_table(
            "Positions still open",
            [
                Column("pair"),
                Column("side"),
                Column("units", right=True, leave=1),
                Column("entry time", leave=2),
                *(Column(name, right=True) for name in names),
            ],
            rows,
        )


def _say_trades(study: Study) -> None:
    shown = in_order(study.result.trades)[-_TRADES_SHOWN:]
    if not shown:
        return
    count = len(study.result.trades)
    rows = [numbered_trade(number, trade) for number, trade in enumerate(shown, start=count - len(shown) + 1)]
    say_trades(f"Last {len(shown)} of {count} trades (times UTC)", rows, "--trades FILE writes them whole.")
