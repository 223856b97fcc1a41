"""Candles with bid and ask: one page, all of a span page by page, and the latest of many pairs in one request."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from shared.contracts.decimals import parse_points
from shared.contracts.errors import MessageError
from shared.contracts.feed import Complete, FedCandle, Incomplete, Refused
from shared.contracts.granularity import SECONDS_BY_NAME, granularity_name
from shared.contracts.times import format_time
from shared.core.types import Candle, Instrument
from shared.oanda.connection import OandaConnection
from shared.oanda.decoding import read
from shared.oanda.errors import COUNT_EXCEEDED, OandaRefusedError
from shared.oanda.times import parse_time_seconds

MOST_CANDLES: Final = 5000
_FEWEST_CANDLES: Final = 10
_ONE_HOUR_SECONDS: Final = 3600
# Beside those of the span: the candle that the span's start lies in, or that was last on the page before.
_SPARE_CANDLES: Final = 2


class Timeless(NamedTuple):
    """A candle whose open time cannot be read: why in a sentence, and its JSON text."""

    reason: str
    raw: str


class CandlePage(NamedTuple):
    """The candles of one pair in one answer, in OANDA's order, and those without a place among them."""

    pair: str
    granularity_seconds: int
    candles: tuple[FedCandle, ...]
    timeless: tuple[Timeless, ...]


class CandleSpecification(NamedTuple):
    """One pair and granularity to ask the latest candles of."""

    instrument: Instrument
    granularity_seconds: int


class _Side(msgspec.Struct):
    open: str = msgspec.field(name="o")
    high: str = msgspec.field(name="h")
    low: str = msgspec.field(name="l")
    close: str = msgspec.field(name="c")


class _Candle(msgspec.Struct):
    time: str
    volume: int
    complete: bool
    bid: _Side | None = None
    ask: _Side | None = None


class _Candles(msgspec.Struct):
    instrument: str
    granularity: str
    candles: list[Any]


class _Latest(msgspec.Struct):
    latest: list[_Candles] = msgspec.field(name="latestCandles")


def fetch_candles(
    connection: OandaConnection,
    instrument: Instrument,
    granularity_seconds: int,
    *,
    count: int,
    from_time: int | None = None,
    patience_seconds: float | None = None,
) -> CandlePage:
    """Return `count` candles with bid and ask at most: the latest, or those from an open time in seconds on."""
    name = granularity_name(granularity_seconds)
    params = {"price": "BA", "granularity": name, "smooth": "false", "count": str(count)}
    if from_time is not None:
        # False would leave out the first candle at or AFTER this time, which is a new one unless one opened just then.
        params |= {"from": format_time(from_time), "includeFirst": "true"}

    def parse(body: object) -> CandlePage:
        page = parse_candles(body, instrument)
        if page.granularity_seconds != granularity_seconds:
            raise MessageError(
                f"OANDA sent {granularity_name(page.granularity_seconds)} candles of {instrument.name}, not {name}"
            )
        return page

    return connection.ask(f"/instruments/{instrument.name}/candles", parse, params, patience_seconds=patience_seconds)


def candles_between(
    connection: OandaConnection,
    instrument: Instrument,
    granularity_seconds: int,
    from_time: int,
    to_time: int,
    *,
    page_size: int = MOST_CANDLES,
    patience_seconds: float | None = None,
) -> Iterator[CandlePage]:
    """Iterate over all candles with from_time <= open time < to_time, each once, in pages that are not empty.

    `to_time` may lie in the future: it is never sent, since OANDA refuses it a moment ahead of its own clock. The last
    candle may be incomplete. Pages become smaller when OANDA finds them too large.
    """
    position, newest, size = from_time, from_time - 1, page_size
    while True:
        slots = max(0, to_time - position) // granularity_seconds + _SPARE_CANDLES
        count = max(_SPARE_CANDLES, min(size, slots, MOST_CANDLES))
        try:
            page = fetch_candles(
                connection,
                instrument,
                granularity_seconds,
                from_time=position,
                count=count,
                patience_seconds=patience_seconds,
            )
        except OandaRefusedError as refused:
            size = fewer_candles(refused, count)
            continue
        last = max((one.time for one in page.candles), default=None)
        fresh = _between(page, newest + 1, to_time)
        if fresh.candles or fresh.timeless:
            yield fresh
        if last is None and page.timeless:
            raise MessageError(
                f"OANDA sent candles of {instrument.name} without readable times, so none can follow them"
            )
        if last is None or last <= newest or last >= to_time:
            return
        # Longer candles follow the trading day, so that with summer time two may open less than their length apart.
        if granularity_seconds <= _ONE_HOUR_SECONDS and last + granularity_seconds >= to_time:
            return
        position = newest = last


def fewer_candles(refused: OandaRefusedError, count: int) -> int:
    """Return how many candles to ask for instead; raise the refusal again where they were not too many."""
    if COUNT_EXCEEDED not in refused.body.message.lower() or count <= _FEWEST_CANDLES:
        raise refused
    return max(_FEWEST_CANDLES, count // 2)


def latest_candles(
    connection: OandaConnection, specifications: Sequence[CandleSpecification], *, patience_seconds: float | None = None
) -> list[CandlePage]:
    """Return for each specification that OANDA answers the last complete candle and the current one."""
    wanted = {(one.instrument.name, one.granularity_seconds): one.instrument for one in specifications}
    text = ",".join(f"{name}:{granularity_name(seconds)}:BA" for name, seconds in wanted)
    params = {"candleSpecifications": text, "smooth": "false"}
    instruments = [one.instrument for one in specifications]
    return connection.ask(
        "/accounts/{accountID}/candles/latest",
        lambda body: parse_latest_candles(body, instruments),
        params,
        patience_seconds=patience_seconds,
    )


def parse_candles(body: object, instrument: Instrument) -> CandlePage:
    """Read a body of candles; MessageError where it is none, or of another pair."""
    return _page(read(body, _Candles, "candles"), {instrument.name: instrument})


def parse_latest_candles(body: object, instruments: Sequence[Instrument]) -> list[CandlePage]:
    """Read a body of latest candles; MessageError where it is none, or of other pairs."""
    by_name = {instrument.name: instrument for instrument in instruments}
    return [_page(one, by_name) for one in read(body, _Latest, "latest candles").latest]


def _page(candles: _Candles, instruments: dict[str, Instrument]) -> CandlePage:
    instrument = instruments.get(candles.instrument)
    if instrument is None:
        raise MessageError(f"OANDA sent candles of {candles.instrument}, which were not asked for")
    seconds = SECONDS_BY_NAME.get(candles.granularity)
    if seconds is None:
        raise MessageError(f"OANDA sent {candles.granularity} candles, whose length is not fixed")
    read_ones = [_candle(raw, instrument, seconds) for raw in candles.candles]
    return CandlePage(
        pair=instrument.name,
        granularity_seconds=seconds,
        candles=tuple(one for one in read_ones if not isinstance(one, Timeless)),
        timeless=tuple(one for one in read_ones if isinstance(one, Timeless)),
    )


def _candle(raw: object, instrument: Instrument, granularity_seconds: int) -> FedCandle | Timeless:
    time: int | None = None
    try:
        given = raw.get("time") if isinstance(raw, dict) else None
        if isinstance(given, str):
            time = parse_time_seconds(given)
        fields = msgspec.convert(raw, _Candle)
        if time is None or fields.bid is None or fields.ask is None:
            raise ValueError("it lacks its bid or its ask side")
        prices = (*_points(fields.bid, "bid", instrument.digits), *_points(fields.ask, "ask", instrument.digits))
    except (ValueError, OverflowError) as error:
        when = "at an unknown time" if time is None else f"of {format_time(time)}"
        reason = f"the {granularity_name(granularity_seconds)} candle of {instrument.name} {when} is refused: {error}"
        text = msgspec.json.encode(raw).decode("utf-8")
        return Timeless(reason, text) if time is None else Refused(time, reason, text)
    candle = Candle._make((time, *prices, fields.volume))
    return Complete(candle) if fields.complete else Incomplete(candle)


def _points(side: _Side, name: str, digits: int) -> tuple[int, int, int, int]:
    def points(text: str) -> int:
        try:
            return parse_points(text, digits)
        except ValueError as error:
            raise ValueError(f"its {name} price {error}") from None

    return points(side.open), points(side.high), points(side.low), points(side.close)


def _between(page: CandlePage, start: int, end: int) -> CandlePage:
    return page._replace(candles=tuple(one for one in page.candles if start <= one.time < end))
