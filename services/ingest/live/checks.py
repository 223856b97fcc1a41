"""What makes a live candle unfit to be traded, in words, and how it is kept for inspection."""

import math
from collections.abc import Callable
from typing import Final

from services.ingest.files.candle_rows import format_points, format_time
from services.ingest.granularity import grid_seconds
from services.ingest.live.source import FedCandle
from shared.contracts.granularity import granularity_name
from shared.core.types import Candle, Instrument
from shared.store.rows.market import RejectedCandleRow

REVISED: Final = "revised after it was stored"
TOO_LATE: Final = "came after later candles were traded"
FROM_THE_FUTURE: Final = "from the future: it ends after the feed's own time"
# The feed tells its time in whole seconds, and an answer is judged a moment after it was given.
FUTURE_TOLERANCE_SECONDS: Final = 5

_SIDES: Final = ("bid", "ask")


def off_grid_reason(granularity_seconds: int) -> str:
    """Return why a candle is refused whose open time is none of the granularity's."""
    return f"off the grid of {granularity_name(granularity_seconds)}"


def on_grid(time: int, granularity_seconds: int) -> bool:
    """Return whether candles of a granularity may open at a time."""
    return time % grid_seconds(granularity_seconds) == 0


def price_fault(candle: Candle, digits: int) -> str | None:
    """Return what is wrong with the prices or the volume of a candle, judged like a row of a candle file."""
    if not math.isfinite(candle.volume) or candle.volume < 0:
        return f"volume {candle.volume} is not a finite number of ticks"

    def price(name: str) -> int:
        points: int = getattr(candle, name)
        return points

    for name in Candle._fields[1:9]:
        if price(name) <= 0:
            return f"{name} {price(name)} points is not above zero"
    return _disorder(price, lambda name: f"{name} {format_points(price(name), digits)}")


def _disorder(price: Callable[[str], int], shown: Callable[[str], str]) -> str | None:
    for side in _SIDES:
        for end in ("open", "close"):
            if price(f"{side}_high") < price(f"{side}_{end}"):
                return f"{shown(f'{side}_high')} is below {shown(f'{side}_{end}')}"
            if price(f"{side}_low") > price(f"{side}_{end}"):
                return f"{shown(f'{side}_low')} is above {shown(f'{side}_{end}')}"
    for end in ("open", "close"):
        if price(f"ask_{end}") < price(f"bid_{end}"):
            return f"{shown(f'ask_{end}')} is below {shown(f'bid_{end}')}"
    return None


def rejected_row(
    feed: str, traded: Instrument, granularity_seconds: int, fed: FedCandle, reason: str
) -> RejectedCandleRow:
    """Return the row of a refused candle; its source names the candle, so that each reason is kept once for it."""
    time = format_time(fed.candle.time)
    source = f"{feed} {granularity_name(granularity_seconds)} {time}"
    if fed.raw:
        return RejectedCandleRow(source, 0, reason, fed.raw, traded.name)
    prices = [format_points(points, traded.digits) for points in fed.candle[1:9]]
    raw = ",".join([time, *prices, f"{fed.candle.volume:g}"])
    return RejectedCandleRow(source, 0, reason, raw, traded.name)
