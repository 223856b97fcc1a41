"""A seeded market of made-up bid/ask candles that behave like real ones.

Prices walk at random, in sessions, trends and calm or nervous spells, and jump at the events of the demo calendar.
Only raw random bits, integers and the four exact operations of floating point are used: a seed gives the same candles
on every machine and with every version of the libraries.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from services.ingest.demo.news import demo_events, monday_of, week_of
from shared.calendar.economic import NEVER_STALE, EconomicCalendar
from shared.calendar.market_hours import market_open
from shared.calendar.zones import local_seconds
from shared.contracts.granularity import granularity_name
from shared.core.columns import CandleSeries, Floats, Integers
from shared.core.types import SECONDS_PER_DAY, Candle, Instrument

_NEW_YORK: Final = "America/New_York"
_CLOSE_SECONDS: Final = 17 * 3600  # of the day in New York
_TICKS_PER_CANDLE: Final = 8  # the path inside a candle
_FRACTIONS: Final = 1024  # of a point, in which the path is kept
_NORMAL_MEAN: Final = 131_070  # of the sum of four uniform 16-bit integers, which stands for a normal draw
_NORMAL_DEVIATION: Final = 37_837
_LOWEST_POINTS: Final = 1000
_QUIET_HOURS: Final = (21, 22, 23)  # UTC


class DemoPair(NamedTuple):
    """How a pair trades: points, points per square root of a minute, ticks per minute, percent per hour of UTC."""

    start_price_points: int
    spread_points: int
    volatility_points: float
    ticks_per_minute: int
    activity_percent: tuple[int, ...]


# fmt: off
_EUROPEAN_HOURS: Final = (45, 45, 40, 40, 40, 50, 80, 120, 145, 140, 125, 110,
                          120, 155, 165, 155, 135, 100, 75, 65, 55, 35, 35, 40)
_ASIAN_HOURS: Final = (120, 125, 115, 95, 85, 85, 90, 110, 120, 110, 95, 90,
                       110, 140, 145, 130, 110, 85, 65, 60, 55, 40, 50, 95)
# fmt: on


# A column for each field.
_PAIRS: Final = {
    "EUR_USD": DemoPair._make((108_400, 8, 11.0, 24, _EUROPEAN_HOURS)),
    "GBP_USD": DemoPair._make((126_500, 13, 14.0, 20, _EUROPEAN_HOURS)),
    "USD_JPY": DemoPair._make((150_100, 10, 15.0, 26, _ASIAN_HOURS)),
}
_OTHERS: Final = DemoPair._make((100_000, 13, 12.0, 16, _EUROPEAN_HOURS))


@dataclass(frozen=True, slots=True)
class DemoTuning:
    """What makes the demo market livelier or calmer; the defaults make every strategy trade.

    Factors are of the volatility; a spell's factor is drawn anew whenever the spell ends, and spells of all lengths
    are multiplied. A trend's strength is its drift in five minutes, in deviations of five minutes.
    """

    volatility_factor: float = 1.0
    spell_hours: tuple[float, ...] = (8, 2, 0.5)
    spell_factors: tuple[float, ...] = (0.65, 0.8, 1.0, 1.0, 1.2, 1.5)
    trend_hours: tuple[int, int] = (2, 9)
    trend_strengths: tuple[float, ...] = (-0.3, -0.15, 0.0, 0.0, 0.15, 0.3)
    news_factor: float = 3.5
    news_spread_factor: int = 3
    rollover_spread_factor: int = 5
    sunday_spread_factor: int = 3
    quiet_missing_per_mille: int = 15
    outage_percent_of_weeks: int = 40
    outage_candles: tuple[int, int] = (8, 20)


@dataclass(frozen=True, slots=True)
class DemoMarket:
    """An endless market of one pair from a start time in seconds; every method starts over at that time."""

    instrument: Instrument
    seed: int
    start_time: int
    granularity_seconds: int = 300
    tuning: DemoTuning = field(default_factory=DemoTuning)

    @property
    def pair(self) -> DemoPair:
        """Return how the pair trades."""
        return _PAIRS.get(self.instrument.name, _OTHERS)

    def weeks(self) -> Iterator[CandleSeries]:
        """Yield the candles of one trading week after the other, without end."""
        granularity_name(self.granularity_seconds)
        week = week_of(self.start_time)
        price = self.pair.start_price_points * _FRACTIONS
        while True:
            series, price = _trading_week(self, week, price)
            series = series.part(slice(int(np.searchsorted(series.time, self.start_time)), None))
            if len(series.time):
                yield series
            week += 1

    def stream(self, first_time: int = 0) -> Iterator[Candle]:
        """Yield candle after candle that opens at a time or later, without end; of weeks before it none is made."""
        for series in self.weeks():
            begin = int(np.searchsorted(series.time, first_time))
            yield from series.part(slice(begin, None)).candles()


def _trading_week(market: DemoMarket, week: int, price: int) -> tuple[CandleSeries, int]:
    """Return a week's candles and its last price; prices that are handed on are in fractions of a point."""
    draws = _draws(market, week)
    pair = market.pair
    times = _open_times(week, market.granularity_seconds)
    news = _news_near(market, week, times)
    activity = np.array(pair.activity_percent)[times // 3600 % 24] / 100
    nervousness = _spells(market, draws, len(times))
    deviation = (
        pair.volatility_points
        * np.sqrt(market.granularity_seconds / 60)
        * market.tuning.volatility_factor
        * np.sqrt(activity)
        * nervousness
        * np.where(news, market.tuning.news_factor, 1.0)
    )
    path = _path(market, draws, deviation, price)
    bid = path // _FRACTIONS
    opened, close = bid[:, 0], bid[:, -1]
    high, low = bid.max(axis=1), bid.min(axis=1)
    spread_open = _spreads(market, draws, times, news)
    spread_close = _spreads(market, draws, times, news)
    volume = _volumes(market, draws, activity * nervousness, (high - low) / (deviation + 1))
    columns = (
        times,
        opened,
        high,
        low,
        close,
        opened + spread_open,
        high + np.maximum(spread_open, spread_close),
        low + np.minimum(spread_open, spread_close),
        close + spread_close,
        volume,
    )
    kept = _kept(market, draws, times)
    series = CandleSeries._make((market.instrument, market.granularity_seconds, *(column[kept] for column in columns)))
    return series, int(path[-1, -1])


def _draws(market: DemoMarket, week: int) -> np.random.PCG64:
    name = int.from_bytes(market.instrument.name.encode(), "big")
    return np.random.PCG64(np.random.SeedSequence([market.seed, name, week, market.granularity_seconds]))


def _below(draws: np.random.PCG64, limit: int, count: int) -> Integers:
    """Return integers from zero to below a limit that is small against 2**31."""
    return (draws.random_raw(count) >> np.uint64(33)).astype(np.int64) % limit


def _normal(draws: np.random.PCG64, count: int) -> Floats:
    """Return draws that are nearly normal, of deviation 1."""
    raw = draws.random_raw(count)
    low_bits = np.uint64(0xFFFF)
    total = sum((raw >> np.uint64(shift) & low_bits for shift in (0, 16, 32)), raw >> np.uint64(48))
    return (total.astype(np.int64) - _NORMAL_MEAN) / _NORMAL_DEVIATION


def _chosen(draws: np.random.PCG64, values: tuple[float, ...], count: int) -> Floats:
    return np.array(values, np.float64)[_below(draws, len(values), count)]


def _open_times(week: int, granularity: int) -> Integers:
    """Return the open times from Sunday 17:00 to before Friday 17:00 New York."""
    zone = ZoneInfo(_NEW_YORK)
    close = datetime.combine(monday_of(week) + timedelta(days=4), time(17), zone).timestamp()
    opening = datetime.combine(monday_of(week) - timedelta(days=1), time(17), zone).timestamp()
    times = np.arange(int(opening), int(close), granularity)
    return times[market_open(times)]


def _news_near(market: DemoMarket, week: int, times: Integers) -> NDArray[np.bool_]:
    """Return which candles lie within the ten minutes after a high-impact event of the pair's currencies."""
    calendar = EconomicCalendar(demo_events(market.seed, week), NEVER_STALE)
    near = np.zeros(len(times), np.bool_)
    for event in calendar.high_impact((market.instrument.base, market.instrument.quote)):
        near |= (times > event.time - market.granularity_seconds) & (times < event.time + 600)
    return near


def _spells(market: DemoMarket, draws: np.random.PCG64, count: int) -> Floats:
    """Return the product of calm and nervous spells of several lengths, one factor per candle."""
    product = np.ones(count)
    for hours in market.tuning.spell_hours:
        length = max(1, int(hours * 3600) // market.granularity_seconds)
        factors = _chosen(draws, market.tuning.spell_factors, count // length + 1)
        product *= np.repeat(factors, length)[:count]
    return product


def _trends(market: DemoMarket, draws: np.random.PCG64, count: int) -> Floats:
    """Return the drift of every candle in deviations of a candle."""
    shortest, longest = (max(1, hours * 3600 // market.granularity_seconds) for hours in market.tuning.trend_hours)
    number = count // shortest + 1
    lengths = shortest + _below(draws, longest - shortest + 1, number)
    strengths = _chosen(draws, market.tuning.trend_strengths, number)
    # Drift grows with time and deviation with its root, so shorter candles drift by less of theirs.
    strengths *= min(1.0, np.sqrt(market.granularity_seconds / 300))
    return np.repeat(strengths, lengths)[:count]


def _path(market: DemoMarket, draws: np.random.PCG64, deviation: Floats, price: int) -> Integers:
    """Return the prices inside every candle, one line per candle, in fractions of a point."""
    count = len(deviation)
    per_tick = deviation * _FRACTIONS / np.sqrt(_TICKS_PER_CANDLE)
    moves = _normal(draws, count * _TICKS_PER_CANDLE).reshape(count, _TICKS_PER_CANDLE)
    drift = _trends(market, draws, count) / np.sqrt(_TICKS_PER_CANDLE)
    # Prices that could run away would spoil an endless demonstration, so each week leans back towards the start.
    anchor = market.pair.start_price_points * _FRACTIONS
    lean = (anchor - price) / (20 * count * _TICKS_PER_CANDLE)
    moves = (moves + drift[:, np.newaxis]) * per_tick[:, np.newaxis] + lean
    moves[0, 0] *= _TICKS_PER_CANDLE  # what happened over the weekend
    path: Integers = price + np.cumsum(np.rint(moves).astype(np.int64)).reshape(count, _TICKS_PER_CANDLE)
    return np.maximum(path, _LOWEST_POINTS * _FRACTIONS)


def _spreads(market: DemoMarket, draws: np.random.PCG64, times: Integers, news: NDArray[np.bool_]) -> Integers:
    """Return spreads in points: wider at the rollover, after the weekend, at news and in quiet hours."""
    base = market.pair.spread_points
    tuning = market.tuning
    local = local_seconds(times, _NEW_YORK)
    into_day = (local - _CLOSE_SECONDS) % SECONDS_PER_DAY
    rollover = (into_day < 1800) | (into_day >= SECONDS_PER_DAY - 600)
    factor = np.where(rollover, tuning.rollover_spread_factor, 1)
    factor = np.maximum(factor, np.where(times - times[0] < 7200, tuning.sunday_spread_factor, 1))
    factor = np.maximum(factor, np.where(news, tuning.news_spread_factor, 1))
    quiet = np.isin(times // 3600 % 24, _QUIET_HOURS)
    noise = _below(draws, base // 2, len(times)) - base // 8
    spreads: Integers = (base + noise) * factor + np.where(quiet, base // 2, 0)
    return spreads


def _volumes(market: DemoMarket, draws: np.random.PCG64, activity: Floats, liveliness: Floats) -> Floats:
    """Return tick counts that grow with the hour's activity and with the candle's range."""
    expected = market.pair.ticks_per_minute * market.granularity_seconds / 60
    noise = (80 + _below(draws, 41, len(activity))) / 100
    return np.maximum(1.0, np.rint(expected * activity * (0.3 + 0.5 * liveliness) * noise))


def _kept(market: DemoMarket, draws: np.random.PCG64, times: Integers) -> NDArray[np.bool_]:
    """Return which candles exist: some in quiet hours have no tick, and now and then the feed fails."""
    tuning = market.tuning
    count = len(times)
    quiet = np.isin(times // 3600 % 24, _QUIET_HOURS)
    kept = ~(quiet & (_below(draws, 1000, count) < tuning.quiet_missing_per_mille))
    chance, place, length = (int(draw) for draw in _below(draws, 1 << 30, 3))
    shortest, longest = tuning.outage_candles
    if chance % 100 < tuning.outage_percent_of_weeks and count > 10 * longest:
        begin = longest + place % (count - 3 * longest)
        kept[begin : begin + shortest + length % (longest - shortest + 1)] = False
    return kept
