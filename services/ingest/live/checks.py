"""What makes a live candle unfit to be traded, in words, and how it is kept for inspection."""

import math
from typing import Final

from services.ingest.files.layout import BID_ASK_LAYOUT, price_disorder
from services.ingest.granularity import grid_seconds
from shared.contracts.decimals import format_points
from shared.contracts.feed import Complete, FedCandle, Incomplete, Refused
from shared.contracts.granularity import granularity_name
from shared.contracts.times import format_time
from shared.core.types import Candle, Instrument
from shared.store.rows.market import RejectedCandleRow

REVISED: Final = "revised after it was stored"
TOO_LATE: Final = "came after later candles were traded"
FROM_THE_FUTURE: Final = "from the future: it ends after the feed's own time"
# The feed tells its time in whole seconds, and an answer is judged a moment after it was given.
FUTURE_TOLERANCE_SECONDS: Final = 5


def off_grid_reason(granularity_seconds: int) -> str:
    """Return why a candle is refused whose open time is none of the granularity's."""
    return f"off the grid of {granularity_name(granularity_seconds)}"


def on_grid(time: int, granularity_seconds: int) -> bool:
    """Return whether candles of a granularity may open at a time."""
    return time % grid_seconds(granularity_seconds) == 0


def shown_from(fed: FedCandle, granularity_seconds: int) -> int:
    """Return the earliest time in seconds at which a feed can have a candle in this state; a refused one has ended."""
    return fed.time if isinstance(fed, Incomplete) else fed.time + granularity_seconds


def settled(fed: FedCandle, granularity_seconds: int, until: float) -> FedCandle:
    """Return a candle as the feed has it, and as complete where it ended by `until`, in seconds, without being so.

    No quote falls into it any more; a feed may call it complete only once the next one has begun.
    """
    if isinstance(fed, Incomplete) and fed.time + granularity_seconds <= until:
        return Complete(fed.candle)
    return fed


def price_fault(candle: Candle, digits: int) -> str | None:
    """Return what is wrong with the prices or the volume of a candle, judged like a row of a candle file."""
    if not math.isfinite(candle.volume) or candle.volume < 0:
        return f"volume {candle.volume} is not a finite number of ticks"
    prices = candle.prices
    for name, price in zip(BID_ASK_LAYOUT.price_names, prices, strict=True):
        if price <= 0:
            return f"{name} {price} points is not above zero"
    return price_disorder(prices, BID_ASK_LAYOUT, digits)


def rejected_row(
    traded: Instrument, granularity_seconds: int, fed: Complete | Refused, reason: str
) -> RejectedCandleRow:
    """Return the row of a refused candle; its source names the candle, so that each reason is kept once for it."""
    time = format_time(fed.time)
    if isinstance(fed, Refused):
        raw = fed.raw
    else:
        prices = [format_points(points, traded.digits) for points in fed.candle.prices]
        raw = ",".join([time, *prices, f"{fed.candle.volume:g}"])
    return RejectedCandleRow(
        source=f"oanda {granularity_name(granularity_seconds)} {time}", line=0, reason=reason, raw=raw, pair=traded.name
    )
