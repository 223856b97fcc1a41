"""Training and validation: whether what held on some candles still holds on the candles after them.

Each side is a run of its own with a fresh account over its candles. Its indicators, and the last prices it knows, are
those that the candles before it left, so no side begins with a warm-up. What is open when a side ends stays open there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, get_args

from services.backtest.metrics import Metrics, measure
from services.backtest.result import BacktestResult, FillRules
from services.backtest.run import JudgedMarket, judge_market, settle
from services.backtest.thresholds import WIN_RATE_GAP_LIMIT_POINTS
from services.backtest.timeline import Timeline
from shared.contracts.errors import InputError
from shared.core.columns import FactColumns
from shared.settings.sections import PairSection
from shared.settings.settings import Settings
from shared.settings.values import ProfileName

# From the most careful to the boldest: of profiles with equal profit the first is chosen.
PROFILES: Final[tuple[ProfileName, ...]] = get_args(ProfileName)


class IndexRange(NamedTuple):
    """Places of the sequence, from the first to before the last."""

    first: int
    last: int


@dataclass(frozen=True)
class JudgedSpan:
    """One run over a span: the open time of its first candle, the last decision time, and its figures."""

    start_time: int
    end_time: int
    candles: int
    metrics: Metrics

    @property
    def net_per_day(self) -> float:
        """Return the profit of closed trades for each FX day, in the account currency."""
        return self.metrics.net / self.metrics.fx_days


@dataclass(frozen=True)
class Split:
    """Training and the validation after it; judged only where both sides have enough trades."""

    train: JudgedSpan
    validation: JudgedSpan
    fewest_trades: int

    @property
    def win_rate_gap_points(self) -> float | None:
        """Return the win rate of training less that of validation in percentage points, None if not judged."""
        before, after = self.train.metrics, self.validation.metrics
        if before.win_rate_percent is None or after.win_rate_percent is None:
            return None
        if min(before.trades, after.trades) < self.fewest_trades:
            return None
        return before.win_rate_percent - after.win_rate_percent

    @property
    def overfit(self) -> bool:
        """Return whether validation fell so far behind training that the strategy looks fitted to its past."""
        gap = self.win_rate_gap_points
        return gap is not None and gap >= WIN_RATE_GAP_LIMIT_POINTS

    @property
    def decay_percent(self) -> float | None:
        """Return how much of training's profit per day validation lost; None where training earned nothing.

        1 - validation / training, the complement of walk-forward efficiency (Pardo, Evaluation of Strategies, 2008).
        """
        if self.train.net_per_day <= 0:
            return None
        return 100.0 * (1.0 - self.validation.net_per_day / self.train.net_per_day)


@dataclass(frozen=True)
class Window:
    """One window of a walk: the profile that earned most in training, and both sides with it."""

    profile: ProfileName
    split: Split


@dataclass(frozen=True)
class WalkForward:
    """All windows of a walk, oldest first, and their sums."""

    anchored: bool
    windows: tuple[Window, ...]

    @property
    def net(self) -> float:
        """Return the profit of all validations, in the account currency."""
        return sum(window.split.validation.metrics.net for window in self.windows)

    @property
    def trades(self) -> int:
        """Return the trades of all validations."""
        return sum(window.split.validation.metrics.trades for window in self.windows)

    @property
    def overfit(self) -> bool:
        """Return whether any window looks overfitted."""
        return any(window.split.overfit for window in self.windows)

    @property
    def decay_percent(self) -> float | None:
        """Return how much of the mean profit per day in training the validations lost; None without such profit."""
        trained = sum(window.split.train.net_per_day for window in self.windows)
        validated = sum(window.split.validation.net_per_day for window in self.windows)
        return 100.0 * (1.0 - validated / trained) if trained > 0 else None


def split_run(
    market: JudgedMarket, settings: Settings, rules: FillRules, validation_percent: float, fewest_trades: int
) -> Split | None:
    """Run the older candles as training and the newest as validation; None if one side had none."""
    length = market.timeline.length
    cut = _at_new_time(market.timeline, round(length * (1.0 - validation_percent / 100.0)))
    if not 0 < cut < length:
        return None
    return Split(
        _span(settle(market, settings, rules, 0, cut)),
        _span(settle(market, settings, rules, cut, length)),
        fewest_trades,
    )


def walk_forward(
    timeline: Timeline,
    facts: FactColumns,
    settings: Settings,
    rules: FillRules,
    *,
    windows: int,
    anchored: bool,
    validation_percent: float,
    fewest_trades: int,
    on_step: Callable[[], None] = lambda: None,
) -> WalkForward:
    """Choose the profile with the highest profit in each window's training, and run its validation with it.

    All pairs of a run share the profile. `on_step` is called after each profile and after each window. Raises
    InputError where the candles are too few for the windows.
    """
    spans = list(window_spans(timeline, windows, anchored, validation_percent))
    candidates = []
    for profile in PROFILES:
        chosen = with_profile(settings, timeline.pairs, profile)
        candidates.append((profile, chosen, judge_market(timeline, facts, chosen)))
        on_step()
    walked = []
    for train, validation in spans:
        trained = [settle(market, chosen, rules, *train) for _, chosen, market in candidates]
        best = max(range(len(candidates)), key=lambda place: (trained[place].net, -place))
        profile, chosen, market = candidates[best]
        validated = settle(market, chosen, rules, *validation)
        walked.append(Window(profile, Split(_span(trained[best]), _span(validated), fewest_trades)))
        on_step()
    return WalkForward(anchored, tuple(walked))


def window_spans(
    timeline: Timeline, windows: int, anchored: bool, validation_percent: float
) -> Iterator[tuple[IndexRange, IndexRange]]:
    """Yield the training and validation spans of each window.

    Validations follow one another without overlap up to the end. Rolling, each window's training is as long as the
    shares demand; anchored, it begins with the first candle and grows. Raises InputError if a span would be empty.
    """
    length = timeline.length
    train_to_validation = (100.0 - validation_percent) / validation_percent
    validation_length = length / (windows + train_to_validation)
    train_length = length - windows * validation_length
    for number in range(windows):
        begin = 0.0 if anchored else number * validation_length
        middle = train_length + number * validation_length
        first, cut, last = (
            _at_new_time(timeline, round(place)) for place in (begin, middle, middle + validation_length)
        )
        if not first < cut < last:
            raise InputError(
                f"{length} candles are too few for {windows} walk-forward windows; give fewer windows or more candles"
            )
        yield IndexRange(first, cut), IndexRange(cut, last)


def with_profile(settings: Settings, pairs: Sequence[str], profile: ProfileName) -> Settings:
    """Return the settings with another profile for some pairs."""
    altered = {pair: settings.pairs.get(pair, PairSection()).model_copy(update={"profile": profile}) for pair in pairs}
    return settings.model_copy(update={"pairs": {**settings.pairs, **altered}})


def _at_new_time(timeline: Timeline, place: int) -> int:
    """Return the first place at or after one at which a new decision time begins, so that no moment is torn apart."""
    sequence, times = timeline.sequence, timeline.decision_time
    while 0 < place < len(sequence) and times[sequence[place]] == times[sequence[place - 1]]:
        place += 1
    return min(place, len(sequence))


def _span(result: BacktestResult) -> JudgedSpan:
    return JudgedSpan(
        start_time=result.start_time, end_time=result.end_time, candles=result.candles, metrics=measure(result)
    )
