"""A whole backtest: the run, its figures, both results of ambiguous trades, validation and walk-forward."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.backtest.funnel import Funnel, gate_funnel
from services.backtest.metrics import Metrics, measure
from services.backtest.result import BacktestResult, FillRules
from services.backtest.run import JudgedMarket, judge_and_settle, settle
from services.backtest.thresholds import FEWEST_TRADES, Threshold, acceptance
from services.backtest.timeline import build_timeline
from services.backtest.walk_forward import Split, WalkForward, split_run, walk_forward
from shared.calendar.economic import EconomicCalendar
from shared.core.columns import CandleSeries
from shared.settings.settings import Settings


@dataclass(frozen=True)
class StudyOptions:
    """What a backtest is asked for: fills, the share of validation (0: none), walk-forward windows (0: none)."""

    rules: FillRules
    validation_percent: float = 30.0
    windows: int = 0
    anchored: bool = False
    fewest_trades: int = FEWEST_TRADES


@dataclass(frozen=True)
class Ambiguity:
    """Trades whose closing candle held stop and target, and the whole run's profit either way, in quanta."""

    trades: int
    pessimistic_net: int
    optimistic_net: int


@dataclass(frozen=True)
class Study:
    """A run and all that is said of it."""

    result: BacktestResult
    metrics: Metrics
    funnel: Funnel
    ambiguity: Ambiguity
    split: Split | None
    thresholds: tuple[Threshold, ...]
    walk: WalkForward | None


def study(
    series: Sequence[CandleSeries],
    settings: Settings,
    options: StudyOptions,
    calendar: EconomicCalendar | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> Study:
    """Run a backtest and everything that is asked of it; `on_step` is called after each step of a walk-forward.

    Raises InputError where there are no candles, or too few for the windows.
    """
    timeline = build_timeline(series)
    market, result = judge_and_settle(timeline, settings, calendar, options.rules)
    metrics = measure(result)
    split = None
    if options.validation_percent:
        split = split_run(market, settings, options.rules, options.validation_percent, options.fewest_trades)
    walk = None
    if options.windows:
        walk = walk_forward(
            timeline,
            market.facts,
            settings,
            options.rules,
            windows=options.windows,
            anchored=options.anchored,
            validation_percent=options.validation_percent,
            fewest_trades=options.fewest_trades,
            on_step=on_step,
        )
    return Study(
        result=result,
        metrics=metrics,
        funnel=gate_funnel(result),
        ambiguity=_ambiguity(market, settings, result),
        split=split,
        thresholds=acceptance(metrics, split.win_rate_gap_points if split else None),
        walk=walk,
    )


def _ambiguity(market: JudgedMarket, settings: Settings, result: BacktestResult) -> Ambiguity:
    """Run the account a second time in the other order, only where that can make a difference."""
    count = result.ambiguous_trades
    if not count:
        return Ambiguity(0, result.net, result.net)
    other = settle(market, settings, result.rules._replace(optimistic=not result.rules.optimistic)).net
    pessimistic, optimistic = (other, result.net) if result.rules.optimistic else (result.net, other)
    return Ambiguity(count, pessimistic, optimistic)
