"""The candle endpoints: what is asked for, which bars that is, and how they are written."""

from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Final, NamedTuple

from shared.calendar.zones import known_zone
from shared.contracts.decimals import format_points
from shared.contracts.errors import InputError
from shared.contracts.granularity import SECONDS_BY_NAME
from shared.core.types import Candle
from tests.simulators.oanda.exchange import Exchange
from tests.simulators.oanda.forms import MISSING_DATA, ApiError, Request, Response, ServedCandle, failure, invalid
from tests.simulators.oanda.grid import Alignment
from tests.simulators.oanda.market import Bar, PairMarket
from tests.simulators.oanda.moments import NANOSECONDS, Body, Moment

_DEFAULT_COUNT: Final = 500
_BARS_OF_LATEST: Final = 2
_DAILY_ALIGNMENT: Final = 17
_ZONE: Final = "America/New_York"
# OANDA has them, but their begins are not simulated.
_BEYOND_SIMULATION: Final = ("W", "M")


class _Span(NamedTuple):
    """Which bars are wanted: times in nanoseconds, `include_first` is None where the request does not say."""

    start: int | None
    end: int | None
    most: int
    include_first: bool | None


class _Shape(NamedTuple):
    """Whose bars are wanted, how long they are, and which prices of them."""

    pair: PairMarket
    granularity: str
    alignment: Alignment
    prices: str


def candles(exchange: Exchange, request: Request, instrument: str) -> Response:
    """Answer a request for the candles of one instrument."""
    params = request.params
    shape = _shape(exchange, request, instrument, params.get("granularity", "S5"), params.get("price", "M"))
    span = _span(exchange, request, shape)
    body, served = _written(shape, _bars(exchange, shape, span))
    return Response(200, body, served)


def latest_candles(exchange: Exchange, request: Request) -> Response:
    """Answer a request for the last two candles of several instruments."""
    specifications = request.params.get("candleSpecifications")
    if not specifications:
        raise failure(400, MISSING_DATA)
    bodies: list[Body] = []
    served: tuple[ServedCandle, ...] = ()
    for specification in specifications.split(","):
        parts = specification.split(":")
        if len(parts) != 3:
            raise invalid("candleSpecifications")
        try:
            shape = _shape(exchange, request, *parts)
        except ApiError:
            raise invalid("candleSpecifications") from None
        bars = _bars(exchange, shape, _Span(None, None, _BARS_OF_LATEST, None))
        body, complete = _written(shape, bars)
        bodies.append(body)
        served += complete
    return Response(200, {"latestCandles": bodies}, served)


def _shape(exchange: Exchange, request: Request, instrument: str, granularity: str, prices: str) -> _Shape:
    pair = exchange.pair(instrument)
    if not prices or set(prices) - set("MBA"):
        raise invalid("price")
    seconds = SECONDS_BY_NAME.get(granularity)
    if seconds is None and granularity not in _BEYOND_SIMULATION:
        raise invalid("granularity")
    if seconds is None or seconds % pair.granularity_seconds:
        raise failure(400, f"The simulator cannot make {granularity} bars of its candles of {instrument}")
    if request.flag("smooth"):
        raise failure(400, "The simulator does not smooth candles")
    hour = request.count("dailyAlignment", _DAILY_ALIGNMENT)
    if hour is None or hour > 23:
        raise invalid("dailyAlignment")
    zone = request.params.get("alignmentTimezone", _ZONE)
    try:
        known_zone(zone)
    except InputError:
        raise invalid("alignmentTimezone") from None
    return _Shape(pair, granularity, Alignment(seconds, hour, zone), prices)


def _span(exchange: Exchange, request: Request, shape: _Shape) -> _Span:
    start, end, count = request.moment("from"), request.moment("to"), request.count("count")
    most = exchange.faults.max_candle_count
    if count is not None and start is not None and end is not None:
        raise failure(400, "'count' cannot be specified when 'to' and 'from' parameters are set")
    if count == 0:
        raise invalid("count")
    if count is not None and count > most:
        raise failure(400, "Maximum value for 'count' exceeded")
    for name, moment in (("from", start), ("to", end)):
        if moment is not None and moment > exchange.moment:
            raise failure(400, f"Invalid value specified for '{name}'. Time is in the future")
    if start is not None and end is not None:
        if start > end:
            raise invalid("to")
        if end - start > most * shape.alignment.granularity_seconds * NANOSECONDS:
            raise failure(400, "Maximum value for 'count' exceeded")
        count = most + 1
    return _Span(start, end, count or min(_DEFAULT_COUNT, most), request.flag("includeFirst"))


def _bars(exchange: Exchange, shape: _Shape, span: _Span) -> list[Bar]:
    now, hides = exchange.moment, exchange.faults.omits_incomplete_bars
    if span.start is None:
        end = (now if span.end is None else span.end - 1) // NANOSECONDS + 1
        newest = shape.pair.bars_before(shape.alignment, end, now)
        return list(islice(_shown(newest, hides=hides), span.most))[::-1]
    covered = shape.alignment.start_of(span.start // NANOSECONDS)
    found = _shown(shape.pair.bars_from(shape.alignment, covered, now), hides=hides)
    if span.end is not None:
        end = span.end
        found = takewhile(lambda bar: bar.candle.time * NANOSECONDS < end, found)
    if exchange.faults.include_first_quirk and span.include_first is not True:
        counted = list(islice(found, span.most))
        if span.include_first is None:
            return counted[1:]
        return [bar for bar in counted if bar.candle.time != covered]
    if span.include_first is False:
        found = (bar for bar in found if bar.candle.time != covered)
    return list(islice(found, span.most))


def _shown(bars: Iterator[Bar], *, hides: bool) -> Iterator[Bar]:
    return (bar for bar in bars if bar.complete or not hides)


def _written(shape: _Shape, bars: list[Bar]) -> tuple[Body, tuple[ServedCandle, ...]]:
    name, seconds = shape.pair.instrument.name, shape.alignment.granularity_seconds
    digits = shape.pair.instrument.digits
    body: Body = {
        "instrument": name,
        "granularity": shape.granularity,
        "candles": [_candle_body(bar, shape.prices, digits) for bar in bars],
    }
    return body, tuple(ServedCandle(name, seconds, bar.candle) for bar in bars if bar.complete)


def _candle_body(bar: Bar, prices: str, digits: int) -> Body:
    candle = bar.candle
    body: Body = {"complete": bar.complete, "volume": int(candle.volume), "time": Moment(candle.time * NANOSECONDS)}
    if "B" in prices:
        body["bid"] = _price_body(_bid(candle), digits)
    if "M" in prices:
        middle = [(bid + ask + 1) // 2 for bid, ask in zip(_bid(candle), _ask(candle), strict=True)]
        body["mid"] = _price_body(middle, digits)
    if "A" in prices:
        body["ask"] = _price_body(_ask(candle), digits)
    return body


def _bid(candle: Candle) -> list[int]:
    return [candle.bid_open, candle.bid_high, candle.bid_low, candle.bid_close]


def _ask(candle: Candle) -> list[int]:
    return [candle.ask_open, candle.ask_high, candle.ask_low, candle.ask_close]


def _price_body(points: list[int], digits: int) -> Body:
    return {name: format_points(value, digits) for name, value in zip("ohlc", points, strict=True)}
