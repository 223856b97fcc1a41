"""The document of `backtest`."""

from typing import TypedDict

from services.cli.documents.account import Entry, GateCount
from services.cli.documents.kinds import Count, Hash, Money, Pair, Pips, Price, Time


class BacktestPair(TypedDict):
    """A pair's candles, and the strategy with its parameters that traded them."""

    pair: Pair
    file: str
    header: str
    granularity: str
    candles: Count
    rejected_rows: Count
    first_open_time: Time
    last_open_time: Time
    strategy: str
    profile: str
    parameters: dict[str, float]
    settings_digest: Hash


class Metrics(TypedDict):
    """The figures of a span; null where one has no meaning."""

    trades: Count
    wins: Count
    losses: Count
    win_rate_percent: float | None
    profit_factor: float | None
    expectancy: Money | None
    expectancy_r: float | None
    net: Money
    return_percent: float
    max_drawdown_percent: float
    max_drawdown_peak_time: Time | None
    max_drawdown_trough_time: Time | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    exposure_percent: float
    mean_holding_seconds: float | None
    max_consecutive_losses: Count
    fx_days: Count
    trades_per_day: float


class BacktestCosts(TypedDict):
    """What spread and slippage took, and both together."""

    spread: Money
    slippage: Money
    total: Money


class AmbiguousTrades(TypedDict):
    """Trades with stop loss and take profit in one candle, and the profit of the run either way."""

    trades: Count
    pessimistic_net: Money
    optimistic_net: Money


class Threshold(TypedDict):
    """A figure, what it is compared with, and the verdict."""

    name: str
    value: float | None
    comparison: str
    limit: float
    verdict: str


class JudgedSpan(TypedDict):
    """The figures of a part of the candles."""

    first_open_time: Time
    last_decision_time: Time
    candles: Count
    metrics: Metrics


class Split(TypedDict):
    """Training beside validation."""

    train: JudgedSpan
    validation: JudgedSpan
    win_rate_gap_points: float | None
    decay_percent: float | None
    judged: bool
    overfit: bool


class Window(Split):
    """A window of a walk-forward, and the profile that training chose."""

    profile: str


class WalkForward(TypedDict):
    """All windows, and what their validation parts add up to."""

    anchored: bool
    out_of_sample_trades: Count
    out_of_sample_net: Money
    decay_percent: float | None
    overfit: bool
    windows: list[Window]


class LeftOpen(Entry):
    """A position that is open after the last candle."""

    last_price: Price
    unrealised_pnl: Money


class PendingEntry(TypedDict):
    """An entry that was decided on the last candle and not made."""

    pair: Pair
    side: str


class BacktestTrade(Entry):
    """A closed trade with what it cost."""

    exit_time: Time
    exit_price: Price
    exit_reason: str
    pnl_pips: Pips
    pnl: Money
    ambiguous: bool
    spread_cost: Money
    slippage_cost: Money


class Backtest(TypedDict):
    """The whole report of a backtest."""

    ok: bool
    candles: Count
    trades: Count
    net: Money
    trade_hash: Hash
    currency: str
    start_balance: Money
    balance: Money
    equity: Money
    mode: str
    hold_bars: Count | None
    ordering: str
    news: str | None
    max_slippage_pips: str
    first_open_time: Time
    last_decision_time: Time
    pairs: list[BacktestPair]
    metrics: Metrics
    costs: BacktestCosts
    funnel: list[GateCount]
    passed_all_gates: Count
    entries: Count
    refusals: dict[str, Count]
    ambiguous: AmbiguousTrades
    thresholds: list[Threshold]
    validation: Split | None
    walk_forward: WalkForward | None
    open_positions: list[LeftOpen]
    pending_entries: list[PendingEntry]
    warnings: list[str]
    trade_list: list[BacktestTrade]
