"""Quotes as the pricing endpoint and the stream show them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from shared.contracts.decimals import format_points
from shared.core.types import Instrument
from tests.simulators.oanda.faults import Faults
from tests.simulators.oanda.market import Market, PairMarket
from tests.simulators.oanda.moments import NANOSECONDS, Body, Moment
from tests.simulators.oanda.ticks import Tick

# Points from the best price, and what is offered there.
_LEVELS: Final = ((0, 500_000), (2, 2_500_000), (5, 10_000_000))
_CLOSED_SPREAD_POINTS: Final = 77
_GAIN: Final = Decimal("0.995")
_LOSS: Final = Decimal("1.005")


class Level(NamedTuple):
    """A price in points and how many units are offered at it."""

    points: int
    liquidity: int


class Quote(NamedTuple):
    """What is offered of a pair: time in nanoseconds, levels as they are sent, the furthest prices in points."""

    instrument: Instrument
    time: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    closeout_bid: int
    closeout_ask: int
    tradeable: bool

    @property
    def best_bid(self) -> int | None:
        """Return the highest bid in points, or None if nobody bids."""
        return max((level.points for level in self.bids), default=None)

    @property
    def best_ask(self) -> int | None:
        """Return the lowest ask in points, or None if nobody asks."""
        return min((level.points for level in self.asks), default=None)

    def price_text(self, points: int) -> str:
        """Write a price with the instrument's digits."""
        return format_points(points, self.instrument.digits)

    def body(self) -> Body:
        """Return the quote as the server writes it."""
        return {
            "type": "PRICE",
            "time": Moment(self.time),
            "bids": self.depth(self.bids),
            "asks": self.depth(self.asks),
            "closeoutBid": self.price_text(self.closeout_bid),
            "closeoutAsk": self.price_text(self.closeout_ask),
            "status": "tradeable" if self.tradeable else "non-tradeable",
            "tradeable": self.tradeable,
            "instrument": self.instrument.name,
        }

    def depth(self, levels: Sequence[Level], *, as_text: bool = False) -> list[Body]:
        """Return levels as the server writes them; fills write liquidity as text, quotes as a number."""
        return [
            {"price": self.price_text(level.points), "liquidity": str(level.liquidity) if as_text else level.liquidity}
            for level in levels
        ]


def quote_at(market: Market, faults: Faults, pair: PairMarket, now: int) -> Quote:
    """Return a pair's quote at a time in nanoseconds; before its first candle nothing can be traded."""
    tick = pair.tick_at(now)
    if tick is not None:
        return quote_of(market, faults, pair, tick, tradeable=market.is_open(now))
    first = pair.first_time() * NANOSECONDS
    opening = next(pair.ticks_between(first - 1, first + pair.granularity_seconds * NANOSECONDS), Tick(first, 1, 1))
    return quote_of(market, faults, pair, opening, tradeable=False)


def quote_of(market: Market, faults: Faults, pair: PairMarket, tick: Tick, *, tradeable: bool) -> Quote:
    """Return what is offered around a tick."""
    bid, ask = tick.bid, tick.ask
    if not tradeable:
        half = max(0, _CLOSED_SPREAD_POINTS - (ask - bid)) // 2
        levels: tuple[tuple[int, int], ...] = ((0, _LEVELS[-1][1]),)
    else:
        half = market.widening_points(tick.time)
        levels = tuple(reversed(_LEVELS)) if faults.unsorted_depth else _LEVELS
    bid, ask = bid - half, ask + half
    furthest = max(step for step, _ in levels)
    if faults.has_empty_book(pair.instrument.name, tick.time):
        levels = ()
    return Quote(
        instrument=pair.instrument,
        time=tick.time,
        bids=tuple(Level(bid - step, liquidity) for step, liquidity in levels),
        asks=tuple(Level(ask + step, liquidity) for step, liquidity in levels),
        closeout_bid=bid - furthest,
        closeout_ask=ask + furthest,
        tradeable=tradeable,
    )


def home_rate(market: Market, currency: str, home: str, now: int) -> Decimal:
    """Return how many units of the home currency one of another is worth; 1 if no pair of the market tells."""
    if currency == home:
        return Decimal(1)
    for name, inverse in ((f"{currency}_{home}", False), (f"{home}_{currency}", True)):
        pair = market.pairs.get(name)
        tick = None if pair is None else pair.tick_at(now)
        if pair is not None and tick is not None:
            middle = Decimal(tick.bid + tick.ask) / (2 * pair.instrument.points_per_price)
            return 1 / middle if inverse else middle
    return Decimal(1)


def home_conversion(currency: str, rate: Decimal, home: str) -> Body:
    """Return the factors from a currency to the home currency as the pricing endpoint writes them."""
    gain, loss = (rate, rate) if currency == home else (rate * _GAIN, rate * _LOSS)
    return {
        "currency": currency,
        "accountGain": _factor(gain),
        "accountLoss": _factor(loss),
        "positionValue": _factor(rate),
    }


def _factor(value: Decimal) -> str:
    return "1" if value == 1 else f"{value:.8f}"
