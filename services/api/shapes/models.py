"""What the API answers: times as UTC text, prices and money as exact decimal text, closed sets by name."""

from typing import Any, Final

from pydantic import BaseModel, Field

_TIME: Final = "2014-05-08T11:45:00Z"
_PRICE: Final = "1.38731"
_MONEY: Final = "9902.6898"
_PAIR: Final = "EUR_USD"


class Candle(BaseModel):
    """A closed candle; `time` is its open time."""

    pair: str = Field(examples=[_PAIR])
    granularity: str = Field(examples=["M5"])
    time: str = Field(examples=[_TIME])
    seq: int = Field(examples=[317], description="Its number among all candles.")
    bid_open: str = Field(examples=[_PRICE])
    bid_high: str = Field(examples=[_PRICE])
    bid_low: str = Field(examples=[_PRICE])
    bid_close: str = Field(examples=[_PRICE])
    ask_open: str = Field(examples=[_PRICE])
    ask_high: str = Field(examples=[_PRICE])
    ask_low: str = Field(examples=[_PRICE])
    ask_close: str = Field(examples=[_PRICE])
    volume: float = Field(examples=[212.0])


class Verdict(BaseModel):
    """What one gate said of a candle."""

    gate: str = Field(examples=["spread"])
    passed: bool
    reason: str = Field(examples=["passed"])
    value: str = Field(examples=["0.8 pips"])
    limit: str = Field(examples=["1.5 pips"])


class JudgedCandle(BaseModel):
    """All seven verdicts on one candle, in order; `candle_time` is its open time, `decision_time` its close."""

    pair: str = Field(examples=[_PAIR])
    granularity: str = Field(examples=["M5"])
    candle_time: str = Field(examples=[_TIME])
    decision_time: str = Field(examples=["2014-05-08T11:50:00Z"])
    seq: int = Field(examples=[317])
    strategy: str = Field(examples=["ema_vwap"])
    final_signal: str = Field(examples=["NONE"])
    reason: str = Field(examples=["no_signal"])
    gates: list[Verdict]
    indicators: dict[str, Any] = Field(examples=[{"atr": 0.00021, "adx": 17.2}])
    params_hash: str = Field(examples=["5d41402abc4b2a76"])
    params_version: int = Field(examples=[3], description="0: the settings that the run began with.")


class AccountEvent(BaseModel):
    """Something that happened to the account; `pair` is null where the whole account is meant."""

    stream: str = Field(examples=["executor.0"])
    seq: int = Field(examples=[12])
    cause_stream: str = Field(examples=["assessed.0"])
    cause_seq: int = Field(examples=[317])
    time: str = Field(examples=[_TIME])
    type: str = Field(examples=["trade.opened"])
    pair: str | None = Field(examples=[_PAIR])
    balance: str = Field(examples=[_MONEY])
    equity: str = Field(examples=[_MONEY])
    detail: dict[str, Any]


class ExplainedCandle(JudgedCandle):
    """A judged candle with what it caused."""

    events: list[AccountEvent]


class Position(BaseModel):
    """An open position at its latest mark."""

    trade_id: str = Field(examples=["0f6c1b9e-7f0d-5b0a-9d55-3c1c0d3f8a11"])
    pair: str = Field(examples=[_PAIR])
    strategy: str = Field(examples=["ema_vwap"])
    side: str = Field(examples=["BUY"])
    units: int = Field(examples=[43_000])
    entry_time: str = Field(examples=[_TIME])
    entry_price: str = Field(examples=[_PRICE])
    sl: str = Field(examples=["1.38690"])
    tp: str = Field(examples=["1.38800"])
    mark_time: str = Field(examples=[_TIME])
    mark_price: str = Field(examples=[_PRICE])
    unrealised_pnl: str = Field(examples=["-12.9000"])


class Trade(BaseModel):
    """A trade; what an open one does not have yet is null."""

    number: int = Field(examples=[7], description="Trades are counted in order of opening.")
    id: str = Field(examples=["0f6c1b9e-7f0d-5b0a-9d55-3c1c0d3f8a11"])
    pair: str = Field(examples=[_PAIR])
    strategy: str = Field(examples=["ema_vwap"])
    side: str = Field(examples=["BUY"])
    units: int = Field(examples=[43_000])
    signal_time: str = Field(examples=[_TIME])
    entry_time: str = Field(examples=[_TIME])
    entry_price: str = Field(examples=[_PRICE])
    sl: str = Field(examples=["1.38690"])
    tp: str = Field(examples=["1.38800"])
    spread_cost: str = Field(examples=["3.4400"])
    slippage_cost: str = Field(examples=["0.4300"])
    exit_time: str | None = Field(default=None, examples=["2014-05-08T12:15:00Z"])
    exit_price: str | None = Field(default=None, examples=["1.38690"])
    exit_reason: str | None = Field(default=None, examples=["stop_loss"])
    pnl_pips: str | None = Field(default=None, examples=["-4.1"])
    pnl: str | None = Field(default=None, examples=["-17.6300"])
    ambiguous: bool | None = Field(default=None, description="Stop loss and take profit lay in one candle.")


class EquityPoint(BaseModel):
    """Balance and equity after a candle, or a price after it, that changed one of them."""

    seq: int = Field(examples=[317], description="The candle's number among all candles.")
    time: str = Field(examples=[_TIME])
    balance: str = Field(examples=[_MONEY])
    equity: str = Field(examples=[_MONEY])


class Day(BaseModel):
    """A trading day of the account."""

    date: str = Field(examples=["2014-05-08"])
    start_equity: str = Field(examples=["10000.0000"])
    end_equity: str = Field(examples=[_MONEY])
    realised_pnl: str = Field(examples=["-97.3102"])
    trades: int = Field(examples=[4])
    wins: int = Field(examples=[1])
    losses: int = Field(examples=[3])
    max_drawdown_percent: float = Field(examples=[0.9731])
    halted: bool


class AuditRecord(BaseModel):
    """Who did what; `detail_json` is kept as the text that the hash covers."""

    id: int = Field(examples=[42])
    ts_utc: str = Field(examples=[_TIME])
    actor: str = Field(examples=["executor"])
    action: str = Field(examples=["trade.opened"])
    command_id: int | None
    detail_json: str = Field(examples=['{"pair":"EUR_USD"}'])
    prev_hash: str = Field(examples=["0" * 64])
    hash: str = Field(examples=["9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab"])


class AnchorFinding(BaseModel):
    """What the anchors outside the database say: how many are sound, how far the last reaches, and the first bad one.

    Without `key_given` the signatures were checked against the key in the anchors themselves only.
    """

    count: int = Field(examples=[12])
    last_id: int | None = Field(examples=[4_180])
    last_time: str | None = Field(examples=[_TIME])
    not_covered: int = Field(examples=[31])
    first_bad: int | None
    why: str = Field(examples=[""])
    unfinished: bool
    key_given: bool


class AuditFinding(BaseModel):
    """What walking the audit log's chain found: the sound records, and the first bad one and why.

    `anchors` is null where the API has none to read; then an end that was cut off cannot be seen.
    """

    ok: bool
    rows: int = Field(examples=[4_211])
    head: str = Field(examples=["9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab"])
    first_bad_id: int | None
    why: str = Field(examples=[""])
    anchors: AnchorFinding | None


class User(BaseModel):
    """Somebody who may sign in."""

    name: str = Field(examples=["ann"])
    role: str = Field(examples=["operator"])
    disabled: bool
    created: str = Field(examples=["2026-01-05T09:00:00Z"])


class Users(BaseModel):
    """All users by name."""

    items: list[User]


class Me(BaseModel):
    """Who is signed in; the token goes into the header X-CSRF-Token of whatever changes something."""

    name: str = Field(examples=["ann"])
    role: str = Field(examples=["operator"])
    csrf_token: str = Field(examples=["tpJ8cGmCPF1i0pYQd3cLhw2hB4i4d0C7xg6xE3mJH6k"])


class Positions(BaseModel):
    """All open positions by pair."""

    items: list[Position]


class Newest(BaseModel):
    """The newest candle of a pair, and how long ago it closed by the clock of the API."""

    pair: str = Field(examples=[_PAIR])
    granularity: str = Field(examples=["M5"])
    time: str = Field(examples=[_TIME])
    age_seconds: float = Field(examples=[41.2])


class Heartbeat(BaseModel):
    """The last sign of life of a process."""

    service: str = Field(examples=["executor"])
    instance: str = Field(examples=["executor-1"])
    seen_at: str = Field(examples=[_TIME])
    age_seconds: float = Field(examples=[2.1])


class Hold(BaseModel):
    """A stop of entries, by an operator, that is in force; exits go on."""

    scope: str = Field(examples=[_PAIR], description="A pair, or ALL.")
    kind: str = Field(examples=["pause"], description="`pause` or `kill_switch`.")
    actor: str = Field(examples=["ann"])
    since: str = Field(examples=[_TIME])
    command_id: int | None = Field(examples=[7])


class PendingCommands(BaseModel):
    """The commands that no executor has taken yet."""

    count: int = Field(examples=[1])
    oldest_age_seconds: float | None = Field(examples=[0.4], description="Null while none is waiting.")


class Status(BaseModel):
    """How the platform stands; what is not known yet is null."""

    mode: str | None = Field(examples=["OFFLINE"])
    balance: str | None = Field(examples=[_MONEY])
    equity: str | None = Field(examples=[_MONEY])
    halted: bool = Field(description="No entries until the next trading day.")
    trading_day: Day | None
    holds: list[Hold] = Field(description="What holds entries now.")
    pending_commands: PendingCommands
    open_positions: int = Field(examples=[1])
    trades: int = Field(examples=[7])
    candles_not_traded: int = Field(examples=[0])
    feed_age_seconds: float | None = Field(
        examples=[41.2], description="Only in live runs: time since the newest candle closed."
    )
    newest_candles: list[Newest]
    heartbeats: list[Heartbeat]


class Alive(BaseModel):
    """Whether the process goes on."""

    alive: bool


class Ready(BaseModel):
    """Whether the API can work, and what it waits for."""

    ready: bool
    waiting_for: dict[str, str]
