"""Candles and what the gates said of them, as the API answers them."""

from typing import Any, Final

from pydantic import BaseModel, Field

from services.api.shapes.ledger import AccountEvent
from shared.contracts.decimals import format_points
from shared.contracts.facts import CandleClosed
from shared.contracts.granularity import granularity_name
from shared.contracts.times import format_time
from shared.core.types import PRICE_NAMES, REASON_NAMES, SIDE_NAMES
from shared.store.rows.market import GateSnapshotRow

_TIME: Final = "2014-05-08T11:45:00Z"
_PRICE: Final = "1.38731"
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


class ExplainedCandle(JudgedCandle):
    """A judged candle with what it caused."""

    events: list[AccountEvent]


def shown_candle(row: CandleClosed) -> Candle:
    """Return a candle."""
    prices = {
        name: format_points(points, row.digits) for name, points in zip(PRICE_NAMES, row.candle.prices, strict=True)
    }
    return Candle(
        pair=row.pair,
        granularity=granularity_name(row.granularity_seconds),
        time=format_time(row.candle.time),
        seq=row.seq,
        volume=row.candle.volume,
        **prices,
    )


def judged_fields(row: GateSnapshotRow) -> dict[str, Any]:
    """Return a judged candle field by field."""
    return {
        "pair": row.pair,
        "granularity": granularity_name(row.granularity_seconds),
        "candle_time": format_time(row.candle_time),
        "decision_time": format_time(row.time),
        "seq": row.seq,
        "strategy": row.strategy,
        "final_signal": SIDE_NAMES[row.final_signal],
        "reason": REASON_NAMES[row.reason],
        "gates": row.verdicts.in_words(),
        "indicators": dict(row.indicators),
        "params_hash": row.params_hash,
        "params_version": row.params_version,
    }


def shown_judged(row: GateSnapshotRow) -> JudgedCandle:
    """Return a judged candle."""
    fields = judged_fields(row)
    return JudgedCandle(**{**fields, "gates": [Verdict(**verdict) for verdict in fields["gates"]]})
