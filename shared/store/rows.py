"""The rows of the store as the rest of the program sees them.

Prices are points, money is quanta of 0.0001, times are seconds since the epoch in UTC, closed sets are the constants
of the core (sides, reasons, exits). The store alone knows how they are written. `*_json` is JSON text, kept as given.
"""

from collections.abc import Mapping
from typing import NamedTuple

from shared.contracts.envelope import Message
from shared.core.types import Candle


class CandleRow(NamedTuple):
    """One closed candle at its place among all; `granularity` is written `M5`.

    `previous_seq` is the place of the candle before it in its stream, 0 for the first.
    """

    stream: str
    seq: int
    previous_seq: int
    pair: str
    granularity: str
    candle: Candle


class RejectedCandleRow(NamedTuple):
    """One input row that was refused: where it stood, why, and its text."""

    source: str
    line: int
    reason: str
    raw: str
    pair: str


class CandleGapRow(NamedTuple):
    """Candles missing from `from_time` until before `to_time` (open times); `kind` is one of GAP_KINDS.

    Of a weekend none is missing: only candles of an open market count.
    """

    pair: str
    granularity: str
    from_time: int
    to_time: int
    missing_candles: int
    kind: str


class AssessmentRow(NamedTuple):
    """What the market alone says of one candle; `body_json` is the whole fact for consumers that missed its message."""

    stream: str
    seq: int
    pair: str
    candle_time: int
    strategy: str
    params_hash: str
    body_json: str


class GateSnapshotRow(NamedTuple):
    """All seven verdicts of one judged candle.

    `time` is the decision time, `reason` that of the first failing gate, `failed_gates` the mask of all that failed;
    `params_version` is the version of the parameters, 0 for those that the run was begun with.
    """

    time: int
    pair: str
    strategy: str
    final_signal: int
    reason: int
    failed_gates: int
    stream: str
    seq: int
    granularity: str
    candle_time: int
    verdicts_json: str
    indicators_json: str
    params_hash: str
    params_version: int = 0


class FunnelRow(NamedTuple):
    """How many judged candles had this reason and this mask of failed gates."""

    reason: int
    failed_gates: int
    candles: int


class TradeOpening(NamedTuple):
    """A position as it was entered, with its stops; `signal_time` is the open time of the signal's candle."""

    id: str
    pair: str
    strategy: str
    side: int
    units: int
    entry_time: int
    entry_price: int
    stop_loss: int
    take_profit: int
    signal_time: int


class TradeClosing(NamedTuple):
    """How the trade ended: `pnl_points` per unit, `pnl` in quanta, `ambiguous` when SL and TP lay in one candle."""

    id: str
    exit_time: int
    exit_price: int
    exit_reason: int
    pnl_points: int
    pnl: int
    ambiguous: bool


class TradeCosts(NamedTuple):
    """What a trade has paid so far, in quanta, contained in its P/L."""

    spread: int
    slippage: int


class TradeRow(NamedTuple):
    """A trade of the ledger; `number` counts openings from 1, `closing` is None while the position is open."""

    number: int
    opening: TradeOpening
    costs: TradeCosts
    closing: TradeClosing | None


class PositionRow(NamedTuple):
    """An open position at its latest mark; the unrealised P/L is in quanta."""

    trade_id: str
    pair: str
    strategy: str
    side: int
    units: int
    entry_time: int
    entry_price: int
    stop_loss: int
    take_profit: int
    mark_time: int
    mark_price: int
    unrealised_pnl: int


class AccountEventRow(NamedTuple):
    """An event of the account at its place in the executor's stream, and the candle (stream, seq) that caused it.

    `pair` is None for the whole account.
    """

    stream: str
    seq: int
    cause_stream: str
    cause_seq: int
    time: int
    type: str
    pair: str | None
    balance: int
    equity: int
    detail_json: str


class DailyStatsRow(NamedTuple):
    """One trading day (days since 1970-01-01) of the account; the drawdown is a ratio of the start equity."""

    trading_day: int
    start_equity: int
    end_equity: int
    realised_pnl: int
    trades: int
    wins: int
    losses: int
    max_drawdown_ratio: float
    halted: bool


class EquityRow(NamedTuple):
    """The account after the candle at `seq`, or after a quote that came between it and the next."""

    seq: int
    time: int
    balance: int
    equity: int


class AppliedQuoteRow(NamedTuple):
    """A quote that did something: the price of the entry on the candle at `seq`, or of an exit after that candle.

    `purpose` is one of QUOTE_PURPOSES; where a command closed the position, it is the reason of that exit.
    """

    seq: int
    purpose: str
    pair: str
    time: int
    bid: int
    ask: int
    command_id: int | None = None


class AuditEntry(NamedTuple):
    """Something to be audited: who did what, at which second, for which command, with JSON-ready details."""

    time: int
    actor: str
    action: str
    command_id: int | None
    detail: Mapping[str, object]


class AuditRow(NamedTuple):
    """An audit record exactly as it is stored and hashed."""

    id: int
    ts_utc: str
    actor: str
    action: str
    command_id: int | None
    detail_json: str
    prev_hash: str
    hash: str


class SettingRow(NamedTuple):
    """One version of a setting; versions count from 1."""

    name: str
    version: int
    body_json: str
    time: int


class SnapshotRow(NamedTuple):
    """The state of a service under a key, after it handled everything up to `seq`."""

    service: str
    key: str
    seq: int
    body_json: str


class OutboxRow(NamedTuple):
    """A message to be sent, with its body as JSON text."""

    message_id: str
    type: str
    version: int
    routing_key: str
    pair: str
    stream: str
    seq: int
    occurred_at: int
    correlation_id: str
    causation_id: str | None
    producer: str
    body: str

    @classmethod
    def of(cls, message: Message, body: str) -> "OutboxRow":
        """Return the row for a message whose body is written as `body`."""
        return cls(
            message.message_id,
            message.type,
            message.version,
            message.routing_key,
            message.pair,
            message.stream,
            message.seq,
            message.occurred_at,
            message.correlation_id,
            message.causation_id,
            message.producer,
            body,
        )


class StagedMessage(NamedTuple):
    """A message waiting in the outbox under its row id."""

    id: int
    row: OutboxRow


class LeaseRow(NamedTuple):
    """A lease by the database's clock; with `seconds_left` at 0 or below anybody may take it."""

    name: str
    holder: str
    epoch: int
    seconds_left: float


class HeartbeatRow(NamedTuple):
    """The last sign of life of a process, at `seen_at` and `age_seconds` ago by the database's clock."""

    service: str
    instance: str
    seen_at: int
    age_seconds: float
    detail_json: str
