"""Documents of judged candles and of the account's events: `gates`, `why`, and each line of `up`."""

from typing import NotRequired, TypedDict

from services.cli.documents.kinds import Count, Hash, Pair, Price, Time


class Verdict(TypedDict):
    """What one gate said of a candle; value and limit are in words, with their units."""

    gate: str
    passed: bool
    reason: str
    value: str
    limit: str


class JudgedCandle(TypedDict):
    """A judged candle: `candle_time` is its open time, `decision_time` its close; an indicator may not be valid yet."""

    decision_time: Time
    pair: Pair
    granularity: str
    candle_time: Time
    strategy: str
    final_signal: str
    reason: str
    gates: list[Verdict]
    indicators: dict[str, float | None]


class ExplainedVerdict(Verdict):
    """A gate's verdict with its number and its reason in words."""

    number: Count
    words: str


class Event(TypedDict):
    """Something that happened to the account, with what is known of it by name; money and prices are text."""

    time: Time
    type: str
    pair: Pair | None


class TradeOfCandle(TypedDict):
    """The trade that a candle led to, and how it ended in words."""

    number: Count
    side: str
    units: Count
    entry_price: Price
    sl: Price
    tp: Price
    ending: str
    pnl: NotRequired[str]


class Why(TypedDict):
    """Everything about one candle: seven verdicts, indicators, what came of it, and the settings that judged it."""

    ok: bool
    pair: Pair
    granularity: str
    candle_time: Time
    decision_time: Time
    strategy: str
    gates: list[ExplainedVerdict]
    indicators: dict[str, float | None]
    final_signal: str
    reason: str
    outcome: str
    events: list[Event]
    trade: TradeOfCandle | None
    params_hash: Hash
    params_version: Count
