"""What the volumes of candles keep strategies from, told before anybody wonders why nothing is traded."""

import numpy as np

from shared.calendar.trading_day import trading_day_numbers
from shared.core.columns import CandleSeries
from shared.core.strategies import STRATEGIES


def volume_note(series: CandleSeries, *, zone: str, hour: int, strategy: str | None = None) -> str | None:
    """Return in a sentence which strategies the volumes keep from signalling, or None where they keep none.

    `zone` and `hour` say when trading days begin; of one pair's `strategy` alone it is told, where it is given.
    """
    if not series.volume.any():
        kept = _names(strategy, rising=False)
        return (
            None
            if not kept
            else f"{series.instrument.name}: the volume of every candle is 0, so VWAP has no value, and {kept}"
        )
    if len(series.time) > 1 and bool((series.volume == series.volume[0]).all()):
        every = f"the volume of every candle is {series.volume[0]:g}, so it never rises above its mean"
        kept = _names(strategy, rising=True)
        return None if not kept else f"{series.instrument.name}: {every}, and {kept} where it asks for that"
    days = trading_day_numbers(series.time, zone, hour)
    begins = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    silent = int(np.count_nonzero(np.add.reduceat(series.volume, begins) == 0))
    kept = _names(strategy, rising=False)
    if not silent or not kept:
        return None
    return (
        f"{series.instrument.name}: the volume is 0 throughout {silent} of {len(begins)} trading days, on which VWAP "
        f"has no value, and {kept} there"
    )


def _names(strategy: str | None, *, rising: bool) -> str:
    """Return which strategies never signal without volume, or without one that rises; empty for none."""
    found = [
        each.name
        for each in STRATEGIES
        if (each.needs_rising_volume or (each.needs_volume and not rising)) and strategy in {None, each.name}
    ]
    named = " and ".join(filter(None, (", ".join(found[:-1]), *found[-1:])))
    return named and f"{named} never signal{'s' if len(found) == 1 else ''}"
