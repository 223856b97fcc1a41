"""What the spreads of candles keep a pair from, told before anybody wonders why nothing is traded."""

import numpy as np

from shared.contracts.decimals import format_pips
from shared.core.columns import CandleSeries


def spread_note(series: CandleSeries, max_spread_points: int) -> str | None:
    """Return in a sentence that no candle closes with a spread within the pair's limit, or None where one does."""
    spread, name = series.ask_close - series.bid_close, series.instrument.name
    if not len(spread) or int(spread.min()) <= max_spread_points:
        return None
    middle = format_pips(int(np.median(spread)))
    return (
        f"{name}: every candle closes with a spread above the limit of {format_pips(max_spread_points)} pips (half of "
        f"them with {middle} or more), so nothing is entered; set max_spread_pips under [pairs.{name}] in the settings"
    )
