"""Facts as JSON text and back: prices as exact decimal text, times as ISO text, readings as numbers or null."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from shared.contracts.decimals import common_digits, format_money, format_points, parse_money, parse_points
from shared.contracts.envelope import FACT_VERSION
from shared.contracts.errors import InvariantError, MessageError
from shared.contracts.facts import (
    ACCOUNT_FACTS,
    CANDLE_ASSESSED,
    CANDLE_CLOSED,
    AccountEvent,
    CandleAssessed,
    CandleClosed,
    NewsEvent,
    Quote,
)
from shared.contracts.times import format_time
from shared.core.types import PRICE_NAMES, Assessment, Candle, MarketState, Readings, Reason, Side

Fact = TypeVar("Fact")


def encode_closed(fact: CandleClosed) -> str:
    """Write a closed candle as JSON text."""
    return msgspec.json.encode(_closed_fields(fact)).decode()


def encode_assessed(fact: CandleAssessed) -> str:
    """Write an assessed candle as JSON text."""
    assessment = fact.assessment
    # Most runs keep to what they were begun with.
    version = {"params_version": fact.params_version} if fact.params_version else {}
    fields = {
        "candle": _closed_fields(fact.closed),
        "strategy": fact.strategy,
        "params_hash": fact.params_hash,
        **version,
        "trading_day": fact.trading_day,
        "verdicts": {
            "session": assessment.session,
            "spread": assessment.spread,
            "news": assessment.news,
            "market_state": assessment.market_state_verdict,
        },
        "signal": assessment.signal,
        "market_state": assessment.market_state,
        "spread_points": assessment.spread_points,
        # msgspec writes NaN as null.
        "atr": assessment.atr,
        "atr_median": assessment.atr_median,
        "adx": assessment.adx,
        "readings": assessment.readings,
        "news": fact.news,
    }
    return msgspec.json.encode(fields).decode()


def encode_quote(quote: Quote) -> str:
    """Write a quote as JSON text."""
    digits = quote.digits
    bid, ask = format_points(quote.bid, digits), format_points(quote.ask, digits)
    return msgspec.json.encode({"pair": quote.pair, "time": format_time(quote.time), "bid": bid, "ask": ask}).decode()


def decode_quote(text: str | bytes) -> Quote:
    """Read a quote; raises MessageError when the text is not one."""
    return _understood(text, _quote)


def encode_event(fact: AccountEvent) -> str:
    """Write an event of the account as JSON text."""
    fields = {
        **fact._asdict(),
        "time": format_time(fact.time),
        "balance": format_money(fact.balance),
        "equity": format_money(fact.equity),
    }
    return msgspec.json.encode(fields).decode()


def decode_event(text: str | bytes) -> AccountEvent:
    """Read an event of the account; raises MessageError when the text is not one."""
    return _understood(text, _event)


def encode_fact(body: object) -> str:
    """Write any fact as JSON text; raises InvariantError for what is none."""
    match body:
        case CandleClosed():
            return encode_closed(body)
        case CandleAssessed():
            return encode_assessed(body)
        case AccountEvent():
            return encode_event(body)
        case _:
            raise InvariantError(f"{type(body).__name__} is not a fact that goes on the wire")


def decode_fact(fact: str, version: int, text: str | bytes) -> CandleClosed | CandleAssessed | AccountEvent:
    """Read a fact by its type and version; raises MessageError when they are unknown or the text is not one."""
    if version != FACT_VERSION:
        raise MessageError(f"version {version} of {fact} is unknown; this program understands {FACT_VERSION}")
    if fact == CANDLE_CLOSED:
        return decode_closed(text)
    if fact == CANDLE_ASSESSED:
        return decode_assessed(text)
    if fact in ACCOUNT_FACTS:
        return decode_event(text)
    raise MessageError(f"a fact of type {fact!r} is unknown")


def decode_closed(text: str | bytes) -> CandleClosed:
    """Read a closed candle; raises MessageError when the text is not one."""
    return _understood(text, _closed)


def decode_assessed(text: str | bytes) -> CandleAssessed:
    """Read an assessed candle; raises MessageError when the text is not one."""
    return _understood(text, _assessed)


def _understood(text: str | bytes, read: Callable[[Mapping[str, Any]], Fact]) -> Fact:
    try:
        return read(msgspec.json.decode(text))
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError) as fault:
        raise MessageError(f"a fact cannot be understood: {type(fault).__name__}: {fault}") from fault


def _closed_fields(fact: CandleClosed) -> dict[str, object]:
    candle = fact.candle
    prices = {name: format_points(points, fact.digits) for name, points in zip(PRICE_NAMES, candle.prices, strict=True)}
    # With one partition the candle before it is the one before it there.
    elsewhere = {} if fact.previous_seq == fact.seq - 1 else {"previous_seq": fact.previous_seq}
    return {
        "stream": fact.stream,
        "seq": fact.seq,
        **elsewhere,
        "pair": fact.pair,
        "granularity_seconds": fact.granularity_seconds,
        "time": format_time(candle.time),
        **prices,
        "volume": candle.volume,
    }


def _closed(fields: Mapping[str, Any]) -> CandleClosed:
    # A price is written with all the digits of its point, so the text says what a point is.
    digits = common_digits([fields[name] for name in PRICE_NAMES])
    prices = [parse_points(fields[name], digits) for name in PRICE_NAMES]
    time = int(datetime.fromisoformat(fields["time"]).timestamp())
    candle = Candle._make([time, *prices, _finite(fields["volume"])])
    seq = int(fields["seq"])
    previous_seq = int(fields.get("previous_seq", seq - 1))
    return CandleClosed(
        stream=str(fields["stream"]),
        seq=seq,
        previous_seq=previous_seq,
        pair=fields["pair"],
        granularity_seconds=int(fields["granularity_seconds"]),
        digits=digits,
        candle=candle,
    )


def _assessed(fields: Mapping[str, Any]) -> CandleAssessed:
    verdicts = fields["verdicts"]
    assessment = Assessment(
        session=Reason(int(verdicts["session"])),
        spread=Reason(int(verdicts["spread"])),
        news=Reason(int(verdicts["news"])),
        market_state_verdict=Reason(int(verdicts["market_state"])),
        signal=Side(int(fields["signal"])),
        market_state=MarketState(int(fields["market_state"])),
        spread_points=int(fields["spread_points"]),
        atr=_number_or_nan(fields["atr"]),
        atr_median=_number_or_nan(fields["atr_median"]),
        adx=_number_or_nan(fields["adx"]),
        readings=Readings._make(map(_number_or_nan, fields["readings"])),
    )
    news = fields["news"]
    return CandleAssessed(
        closed=_closed(fields["candle"]),
        strategy=str(fields["strategy"]),
        params_hash=str(fields["params_hash"]),
        trading_day=int(fields["trading_day"]),
        assessment=assessment,
        news=None if news is None else NewsEvent(str(news[0]), str(news[1]), _finite(news[2])),
        params_version=int(fields.get("params_version", 0)),
    )


def _quote(fields: Mapping[str, Any]) -> Quote:
    digits = common_digits([fields["bid"], fields["ask"]])
    time = int(datetime.fromisoformat(fields["time"]).timestamp())
    return Quote(
        pair=fields["pair"],
        time=time,
        digits=digits,
        bid=parse_points(fields["bid"], digits),
        ask=parse_points(fields["ask"], digits),
    )


def _event(fields: Mapping[str, Any]) -> AccountEvent:
    detail = {str(name): str(value) for name, value in fields["detail"].items()}
    time = int(datetime.fromisoformat(fields["time"]).timestamp())
    return AccountEvent(
        stream=str(fields["stream"]),
        seq=int(fields["seq"]),
        cause_stream=str(fields["cause_stream"]),
        cause_seq=int(fields["cause_seq"]),
        time=time,
        type=str(fields["type"]),
        pair=None if fields["pair"] is None else str(fields["pair"]),
        balance=parse_money(fields["balance"]),
        equity=parse_money(fields["equity"]),
        detail=detail,
    )


def _finite(value: Any) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    return float(value)


def _number_or_nan(value: float | None) -> float:
    return math.nan if value is None else _finite(value)
