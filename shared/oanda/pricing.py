"""Current prices: a snapshot of many pairs, and the stream with its heartbeats."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from shared.contracts.decimals import parse_points
from shared.contracts.errors import MessageError
from shared.core.types import Instrument
from shared.oanda.connection import OandaConnection
from shared.oanda.decoding import beginning_of, json_object, read
from shared.oanda.streaming import SILENCE_SECONDS, LineStream
from shared.oanda.times import parse_time_nanoseconds

_PRICE: Final = "PRICE"
_HEARTBEAT: Final = "HEARTBEAT"
_TRADEABLE: Final = "tradeable"


class ClientPrice(NamedTuple):
    """The best bid and ask of a pair in points; None where that side of the book is empty.

    Not tradeable where OANDA says so, and where a side is empty.
    """

    pair: str
    time_nanoseconds: int
    bid: int | None
    ask: int | None
    tradeable: bool


class PricingHeartbeat(NamedTuple):
    """The sign of life of a stream, every five seconds whatever the prices do."""

    time_nanoseconds: int


class PriceSnapshot(NamedTuple):
    """Current prices, OANDA's own time, and why prices could not be read, in sentences."""

    time_nanoseconds: int | None
    quotes: tuple[ClientPrice, ...]
    unreadable: tuple[str, ...]


class _Level(msgspec.Struct):
    price: str


class _Price(msgspec.Struct):
    instrument: str
    time: str
    bids: list[_Level] | None = None
    asks: list[_Level] | None = None
    tradeable: bool | None = None
    status: str | None = None


class _Prices(msgspec.Struct):
    prices: list[Any]
    time: str | None = None


def prices(
    connection: OandaConnection, instruments: Sequence[Instrument], *, patience_seconds: float | None = None
) -> PriceSnapshot:
    """Return the current prices of the pairs."""
    params = {"instruments": ",".join(instrument.name for instrument in instruments)}
    return connection.ask(
        "/accounts/{accountID}/pricing",
        lambda body: parse_prices(body, instruments),
        params,
        patience_seconds=patience_seconds,
    )


def parse_prices(body: object, instruments: Sequence[Instrument]) -> PriceSnapshot:
    """Read a snapshot; MessageError where the body is none, while a price that cannot be read spoils no other."""
    fields = read(body, _Prices, "prices")
    by_name = _by_name(instruments)
    quotes, unreadable = [], []
    for raw in fields.prices:
        try:
            quotes.append(_quote(raw, by_name))
        except MessageError as error:
            unreadable.append(str(error))
    time = None if fields.time is None else _nanoseconds(fields.time, "the prices")
    return PriceSnapshot(time, tuple(quotes), tuple(unreadable))


class PricingStream:
    """The stream of prices: one connection, iterated once, in one thread; `close` may be called in any.

    First comes the last known price of every pair, which may be old. There is no replay of what was missed.
    """

    def __init__(
        self, connection: OandaConnection, instruments: Sequence[Instrument], silence_seconds: float = SILENCE_SECONDS
    ) -> None:
        """Prepare the stream; iterating connects it."""
        self._instruments = _by_name(instruments)
        self.skipped_lines = 0
        params = {"instruments": ",".join(self._instruments), "snapshot": "true"}
        self._lines = LineStream(connection, "/accounts/{accountID}/pricing/stream", params, silence_seconds)

    def __enter__(self) -> "PricingStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[ClientPrice | PricingHeartbeat]:
        """Iterate over prices and heartbeats until `close`.

        Lines of unknown kinds and lines that cannot be read are counted and passed over. Raises OandaUnavailableError,
        an InfrastructureError, when the stream is refused, breaks, ends or falls silent: connect again, after a pause.
        """
        for line in self._lines:
            try:
                yield parse_stream_line(line, self._instruments)
            except MessageError:
                self.skipped_lines += 1

    def close(self) -> None:
        """End the iteration, also one that waits for the next line."""
        self._lines.close()


def parse_stream_line(line: bytes, instruments: Mapping[str, Instrument]) -> ClientPrice | PricingHeartbeat:
    """Read a line of the price stream; MessageError for one that is neither a price of these pairs nor a heartbeat."""
    body = json_object(line)
    if body is None:
        raise MessageError(f"a line of the price stream is no JSON object: '{beginning_of(line)}'")
    kind = body.get("type")
    if kind == _PRICE:
        return _quote(body, instruments)
    if kind == _HEARTBEAT:
        time = body.get("time")
        return PricingHeartbeat(_nanoseconds(time if isinstance(time, str) else "", "a heartbeat"))
    raise MessageError(f"a line of the price stream is of an unknown kind: '{beginning_of(line)}'")


def _quote(raw: object, instruments: Mapping[str, Instrument]) -> ClientPrice:
    price = read(raw, _Price, "price")
    instrument = instruments.get(price.instrument)
    if instrument is None:
        raise MessageError(f"OANDA sent a price of {price.instrument}, which was not asked for")
    time = _nanoseconds(price.time, f"the price of {price.instrument}")

    def points(text: str) -> int:
        try:
            return parse_points(text, instrument.digits)
        except ValueError as error:
            raise MessageError(f"OANDA's price of {price.instrument} at {price.time} cannot be read: {error}") from None

    # The order of the levels is not to be relied on: the best one was seen second.
    bid = max((points(level.price) for level in price.bids or ()), default=None)
    ask = min((points(level.price) for level in price.asks or ()), default=None)
    said_tradeable = price.tradeable if price.tradeable is not None else price.status == _TRADEABLE
    return ClientPrice(
        pair=price.instrument,
        time_nanoseconds=time,
        bid=bid,
        ask=ask,
        tradeable=said_tradeable and bid is not None and ask is not None,
    )


def _nanoseconds(text: str, what: str) -> int:
    try:
        return parse_time_nanoseconds(text)
    except ValueError as error:
        raise MessageError(f"OANDA's time of {what} cannot be read: {error}") from None


def _by_name(instruments: Sequence[Instrument]) -> dict[str, Instrument]:
    return {instrument.name: instrument for instrument in instruments}
