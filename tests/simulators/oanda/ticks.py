"""The path of quotes inside a candle, drawn so that together they make exactly this candle."""

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from shared.core.types import Candle
from tests.simulators.oanda.moments import NANOSECONDS

_MOST_TICKS_PER_LEG: Final = 4
_CALM_VOLUME: Final = 8
_BURST_SHARE: Final = 0.3
_BURST_NANOSECONDS: Final = NANOSECONDS // 12


class Tick(NamedTuple):
    """A quote: time in nanoseconds since the epoch, bid and ask in points."""

    time: int
    bid: int
    ask: int


def path_of(pair: str, granularity_seconds: int, candle: Candle) -> list[Tick]:
    """Return the quotes of a candle: open, high and low in an order drawn for it, close, and some in between."""
    chooser = random.Random(f"{pair}:{candle.time}")
    opened = (candle.bid_open, candle.ask_open)
    extremes = [(candle.bid_high, candle.ask_high), (candle.bid_low, candle.ask_low)]
    chooser.shuffle(extremes)
    corners = [opened, *extremes, (candle.bid_close, candle.ask_close)]
    steps = max(1, min(_MOST_TICKS_PER_LEG, int(candle.volume) // 3))
    prices = _without_repeats([opened, *_walk(corners, steps)])
    slot = granularity_seconds * NANOSECONDS // len(prices)
    start = candle.time * NANOSECONDS
    ticks = [
        Tick(start + place * slot + int(chooser.random() * (slot - 1)), bid, ask)
        for place, (bid, ask) in enumerate(prices)
    ]
    return list(_with_bursts(ticks, chooser)) if candle.volume > _CALM_VOLUME else ticks


def _with_bursts(ticks: list[Tick], chooser: random.Random) -> Iterator[Tick]:
    """Let some quotes be announced by another on the way to them, so shortly before that sampling may hide it."""
    yield ticks[0]
    for before, tick in pairwise(ticks):
        time = tick.time - _BURST_NANOSECONDS
        if chooser.random() < _BURST_SHARE and time > before.time:
            yield Tick(time, (before.bid + tick.bid) // 2, (before.ask + tick.ask) // 2)
        yield tick


def _walk(corners: list[tuple[int, int]], steps: int) -> Iterator[tuple[int, int]]:
    for (bid, ask), (next_bid, next_ask) in pairwise(corners):
        for step in range(1, steps + 1):
            yield bid + (next_bid - bid) * step // steps, ask + (next_ask - ask) * step // steps


def _without_repeats(prices: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [price for at, price in enumerate(prices) if at == 0 or price != prices[at - 1]]
