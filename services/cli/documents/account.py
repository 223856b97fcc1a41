"""Documents of the account: `status`, `trades`, `positions` and `paper`."""

from collections.abc import Iterable
from typing import TypedDict

from services.cli.documents.kinds import Count, Day, Hash, Money, Pair, Pips, Price, Time
from shared.contracts import funnel


class Entry(TypedDict):
    """How a position was entered, with its stop loss and take profit."""

    pair: Pair
    strategy: str
    side: str
    units: Count
    entry_time: Time
    entry_price: Price
    sl: Price
    tp: Price


class Trade(Entry):
    """A trade; what an open one does not have yet is null."""

    number: Count
    exit_time: Time | None
    exit_price: Price | None
    exit_reason: str | None
    pnl_pips: Pips | None
    pnl: Money | None
    ambiguous: bool | None


class WholeTrade(Trade):
    """A trade with everything that is stored of it."""

    ok: bool
    signal_time: Time
    spread_cost: Money
    slippage_cost: Money
    id: str


class Position(Entry):
    """An open position at its latest mark."""

    mark_price: Price
    mark_time: Time
    unrealised_pnl: Money


class Hold(TypedDict):
    """A stop of entries in a pair, or in all."""

    scope: str
    kind: str
    actor: str
    since_time: Time
    command_id: int | None


class PendingCommands(TypedDict):
    """Commands that wait, and for how long the oldest does."""

    count: Count
    oldest_age_seconds: float | None


class RunningProcess(TypedDict):
    """A process by its last sign of life; `leads` is null for one that needs no lease."""

    service: str
    instance: str
    age_seconds: float
    lease: str | None
    leads: bool | None


class TradingDay(TypedDict):
    """The newest trading day."""

    date: Day
    realised_pnl: Money
    trades: Count
    max_drawdown_percent: float
    halted: bool


class Status(TypedDict):
    """How the account stands; without a trade yet there is neither balance nor equity."""

    ok: bool
    balance: Money | None
    equity: Money | None
    open_positions: Count
    trades: Count
    candles: Count
    candles_not_traded: Count
    trading: str
    holds: list[Hold]
    pending_commands: PendingCommands
    processes: list[RunningProcess]
    trading_day: TradingDay | None
    notes: list[str]
    newest_candles: dict[str, Time]


class TradedPair(TypedDict):
    """A pair that a paper run trades; without a candle file it has no times."""

    pair: Pair
    granularity: str
    first_open_time: Time | None
    last_open_time: Time | None
    strategy: str
    profile: str


class Costs(TypedDict):
    """What spread and slippage took."""

    spread: Money
    slippage: Money


class GateCount(TypedDict):
    """How many candles a gate stopped before any later one, and failed in total."""

    gate: Count
    name: str
    stopped_first: Count
    failed: Count


class Funnel(TypedDict):
    """What the gates let through."""

    gates: list[GateCount]
    passed: Count


class PaperRun(TypedDict):
    """What this run added; a live run has no duration."""

    new_candles: Count
    recovered_candles: Count
    seconds: float | None
    news: str | None


class Exported(TypedDict):
    """How many rows were appended to the logs in a folder."""

    folder: str
    signals: Count
    trades: Count


class Paper(TypedDict):
    """What the database holds of the account after a paper run."""

    ok: bool
    mode: str
    pairs: list[TradedPair]
    currency: str
    candles: Count
    trades: Count
    wins: Count
    losses: Count
    net: Money
    start_balance: Money
    balance: Money
    equity: Money
    costs: Costs
    ambiguous: Count
    trade_hash: Hash
    funnel: Funnel
    refusals: dict[str, Count]
    halts: Count
    open_positions: list[Position]
    notes: list[str]
    last_trades: list[Trade]
    rejected_rows: Count
    run: PaperRun
    stored_in: str
    exported: Exported | None


def gate_documents(counts: Iterable[funnel.GateCount]) -> list[GateCount]:
    """Return the shares of the gates."""
    return [
        {"gate": each.gate, "name": each.name, "stopped_first": each.stopped_first, "failed": each.failed}
        for each in counts
    ]
