"""What the market alone says of a candle, in a second and naive reading of the trading rules.

Prices are fractions, series are lists. Indicators are floats, as the rules demand. See `reference_engine`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from math import floor, nan, sqrt
from statistics import median
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = 86_400
ALLOWED_STATES = {
    "ema_vwap": {"trending", "weak_trend"},
    "vwap_rsi": {"ranging"},
    "bb_breakout": {"trending", "weak_trend", "ranging"},
}


class Side(NamedTuple):
    """Open, high, low and close of one side of the book, as exact prices."""

    open: Fraction
    high: Fraction
    low: Fraction
    close: Fraction


class ReferenceCandle(NamedTuple):
    """A complete candle."""

    time: int
    bid: Side
    ask: Side
    volume: float


@dataclass
class PairRules:
    """What is chosen for one pair; sessions as (start hour, end hour, zone)."""

    strategy: str
    parameters: dict[str, float]
    max_spread_pips: Fraction
    sessions: list[tuple[int, int, str]]


def _no_slippage(_pair: str, _candle_time: int, _leg: str) -> int:
    return 0


@dataclass
class Rules:
    """Everything that can be configured, with the defaults of the trading rules."""

    pairs: dict[str, PairRules]
    granularity: int = 300
    currency: str = "USD"
    start_balance: Fraction = Fraction(10_000)
    risk: Fraction = Fraction(1, 100)
    stop_atr: float = 1.5
    target_ratio: float = 2.0
    max_leverage: int = 30
    max_open_positions: int = 3
    daily_loss: Fraction = Fraction(3, 100)
    time_exit: bool = False
    hold_bars: int = 5
    optimistic: bool = False
    news: list[tuple[int, str]] = field(default_factory=list)
    static_rates: dict[str, Fraction] = field(default_factory=dict)
    slippage_points: Callable[[str, int, str], int] = _no_slippage


def digits(pair: str) -> int:
    """Return the decimals of a pair's prices."""
    return 3 if pair[4:] in {"JPY", "HUF", "THB"} else 5


def wilder_atr(high: list[Fraction], low: list[Fraction], close: list[Fraction]) -> list[float]:
    """Return ATR(14)."""
    ranges = [
        float(max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1])))
        for i in range(1, len(close))
    ]
    found = [nan] * len(close)
    for i in range(14, len(close)):
        found[i] = sum(ranges[:14]) / 14 if i == 14 else (13 * found[i - 1] + ranges[i - 1]) / 14
    return found


def wilder_adx(high: list[Fraction], low: list[Fraction], close: list[Fraction]) -> list[float]:
    """Return ADX(14)."""
    moves: list[tuple[float, float, float]] = [(0.0, 0.0, 0.0)]
    for i in range(1, len(close)):
        up, down = high[i] - high[i - 1], low[i - 1] - low[i]
        reach = max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1]))
        moves.append((float(reach), float(up) * (up > down and up > 0), float(down) * (down > up and down > 0)))
    dx, adx, sums = [nan] * len(close), [nan] * len(close), [0.0, 0.0, 0.0]
    for i in range(14, len(close)):
        if i == 14:
            sums = [sum(move[part] for move in moves[1:15]) for part in range(3)]
        else:
            sums = [s - s / 14 + x for s, x in zip(sums, moves[i], strict=True)]
        plus, minus = (100 * s / sums[0] if sums[0] else 0.0 for s in sums[1:])
        dx[i] = 100 * abs(plus - minus) / (plus + minus) if plus + minus else 0.0
        if i >= 27:
            adx[i] = sum(dx[14:28]) / 14 if i == 27 else (13 * adx[i - 1] + dx[i]) / 14
    return adx


def wilder_rsi(close: list[Fraction], n: int) -> list[float]:
    """Return RSI(n)."""
    found, gain, loss = [nan] * len(close), 0.0, 0.0
    changes = [0.0] + [float(close[i] - close[i - 1]) for i in range(1, len(close))]
    for i in range(n, len(close)):
        if i == n:
            gain = sum(max(x, 0.0) for x in changes[1 : n + 1]) / n
            loss = sum(max(-x, 0.0) for x in changes[1 : n + 1]) / n
        else:
            gain, loss = ((n - 1) * gain + max(changes[i], 0.0)) / n, ((n - 1) * loss + max(-changes[i], 0.0)) / n
        found[i] = 100 - 100 / (1 + gain / loss) if loss else (100.0 if gain else 50.0)
    return found


def ema(close: list[float], n: int) -> list[float]:
    """Return EMA(n)."""
    found = [nan] * len(close)
    for i in range(n - 1, len(close)):
        found[i] = sum(close[:n]) / n if i == n - 1 else 2 / (n + 1) * close[i] + (1 - 2 / (n + 1)) * found[i - 1]
    return found


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the linear percentile."""
    ordered, rank = sorted(values), percent / 100 * (len(values) - 1)
    lower = floor(rank)
    upper = min(lower + 1, len(values) - 1)
    return ordered[lower] + (ordered[upper] - ordered[lower]) * (rank - lower)


class Market:
    """One pair's candles and what the market alone says of each of them."""

    def __init__(self, pair: str, candles: Sequence[ReferenceCandle], rules: Rules) -> None:
        """Reckon all indicators."""
        self.pair, self.candles, self.rules, self.own = pair, candles, rules, rules.pairs[pair]
        high = [(c.bid.high + c.ask.high) / 2 for c in candles]
        low = [(c.bid.low + c.ask.low) / 2 for c in candles]
        close = [(c.bid.close + c.ask.close) / 2 for c in candles]
        self.atr = wilder_atr(high, low, close)
        self.adx = wilder_adx(high, low, close)
        self.rsi = wilder_rsi(close, 3)
        self.high, self.low, self.close = ([float(price) for price in prices] for prices in (high, low, close))
        self.fast, self.slow = ema(self.close, 9), ema(self.close, 21)
        self.bands = [self._bands(i) for i in range(len(candles))]

    def vwap(self, i: int) -> float:
        """Return the volume-weighted average price of the day so far."""
        money, volume, first = 0.0, 0.0, i
        while first > 0 and self.candles[first - 1].time // DAY == self.candles[i].time // DAY:
            first -= 1
        for j in range(first, i + 1):
            money += (self.high[j] + self.low[j] + self.close[j]) / 3 * self.candles[j].volume
            volume += self.candles[j].volume
        return money / volume if volume else nan

    def _bands(self, i: int) -> tuple[float, float, float]:
        if i < 19:
            return nan, nan, nan
        window = self.close[i - 19 : i + 1]
        mean = sum(window) / 20
        deviation = sqrt(sum((x - mean) ** 2 for x in window) / 20)
        upper, lower = mean + 2 * deviation, mean - 2 * deviation
        return upper, lower, (upper - lower) / mean

    def state(self, i: int) -> str:
        """Return the market state, or warming_up."""
        known = [x for x in self.atr[max(0, i - 199) : i + 1] if x == x]  # noqa: PLR0124  (leaves NaN out)
        if len(known) < 50 or i < 27:
            return "warming_up"
        m, atr, adx = median(known), self.atr[i], self.adx[i]
        if atr > 1.3 * m and adx < 20:
            return "volatile"
        if atr < 0.7 * m:
            return "ranging"
        return "trending" if adx >= 30 else "weak_trend" if adx >= 25 else "ranging"

    def signal(self, i: int) -> str:
        """Return BUY, SELL or nothing."""
        if i == 0:
            return ""
        conditions = {"ema_vwap": self._ema_vwap, "vwap_rsi": self._vwap_rsi, "bb_breakout": self._bb_breakout}
        buy, sell = conditions[self.own.strategy](i)
        return "BUY" if buy else "SELL" if sell else ""

    def _ema_vwap(self, i: int) -> tuple[bool, bool]:
        near = self.own.parameters["k"] * self.atr[i]
        before = self.fast[i - 1], self.slow[i - 1]
        up = self.fast[i] > self.slow[i] and before[0] <= before[1]
        down = self.fast[i] < self.slow[i] and before[0] >= before[1]
        return up and self.close[i] > self.vwap(i) - near, down and self.close[i] < self.vwap(i) + near

    def _vwap_rsi(self, i: int) -> tuple[bool, bool]:
        parameters, vwap = self.own.parameters, self.vwap(i)
        near = parameters["k"] * self.atr[i]
        low, high = self.rsi[i] < parameters["lo"], self.rsi[i] > parameters["hi"]
        return low and self.close[i] > vwap - near, high and self.close[i] < vwap + near

    def _bb_breakout(self, i: int) -> tuple[bool, bool]:
        if i < 119:
            return False, False
        parameters = self.own.parameters
        upper, lower, width = self.bands[i]
        widths = [each for _, _, each in self.bands[i - 100 : i]]
        mean_volume = sum(c.volume for c in self.candles[i - 20 : i]) / 20
        shared = (
            self.candles[i].volume > parameters["v"] * mean_volume
            and widths[-1] <= percentile(widths, parameters["p"])
            and width > parameters["e"] * widths[-1]
        )
        return shared and self.close[i] > upper, shared and self.close[i] < lower

    def market_reasons(self, i: int) -> tuple[str, str, str, str, str]:
        """Return the reasons of gates 1, 2, 3 and 6 (empty: passed) and the signal."""
        candle = self.candles[i]
        t = candle.time + self.rules.granularity
        spread_pips = (candle.ask.close - candle.bid.close) * 10 ** (digits(self.pair) - 1)
        touched = {"All", *self.pair.split("_")}
        news = any(currency in touched and abs(when - t) <= 15 * 60 for when, currency in self.rules.news)
        state = self.state(i)
        return (
            "market_closed" if _market_closed(t) else "" if self._in_session(t) else "session_closed",
            "spread_too_wide" if spread_pips > self.own.max_spread_pips else "",
            "news_window" if news else "",
            state if state == "warming_up" else "" if state in ALLOWED_STATES[self.own.strategy] else f"state_{state}",
            self.signal(i),
        )

    def _in_session(self, t: int) -> bool:
        hours = [(start, datetime.fromtimestamp(t, ZoneInfo(zone)).hour, end) for start, end, zone in self.own.sessions]
        return any(start <= hour < end for start, hour, end in hours)


def _market_closed(t: int) -> bool:
    local = datetime.fromtimestamp(t, ZoneInfo("America/New_York"))
    day, evening = local.isoweekday(), local.hour >= 17
    return (day == 5 and evening) or day == 6 or (day == 7 and not evening)
