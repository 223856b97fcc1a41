"""The simulated market: what bars and quotes exist at a time, derived from candle series."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import numpy as np

from shared.calendar.market_hours import is_market_open
from shared.calendar.zones import local_seconds
from shared.core.columns import CandleSeries
from shared.core.types import SECONDS_PER_DAY, Candle
from tests.simulators.oanda.faults import Faults, chance
from tests.simulators.oanda.grid import Alignment, Grid, grid_of
from tests.simulators.oanda.moments import NANOSECONDS
from tests.simulators.oanda.ticks import Tick, path_of

_NEW_YORK: Final = "America/New_York"
_BREAK_STARTS: Final = 16 * 3600 + 58 * 60
_BREAK_ENDS: Final = 17 * 3600 + 3 * 60
_MOST_REVISED_POINTS: Final = 9
# In the first minutes after the rollover spreads are widest, for the rest of the hour less so.
_ROLLOVER_POINTS: Final = ((17 * 3600 - 60, 17 * 3600 + 300, 14), (17 * 3600 + 300, 18 * 3600, 4))


class Bar(NamedTuple):
    """A bar as it looks at a time."""

    candle: Candle
    complete: bool


class PairMarket:
    """One pair's bars and quotes at any time."""

    def __init__(self, series: CandleSeries, faults: Faults, completion_lag_seconds: float) -> None:
        """Take the pair's candles; each completes when its end lies as many seconds back."""
        self.instrument: Final = series.instrument
        self.granularity_seconds: Final = series.granularity_seconds
        self._faults = faults
        self._lag_seconds = completion_lag_seconds
        self._times = np.ascontiguousarray(series.time)
        self._rows = np.column_stack([np.asarray(column, np.int64) for column in series.columns])
        self._own = Alignment(self.granularity_seconds)
        self._grids: dict[Alignment, Grid] = {}
        self._path: tuple[int, list[Tick]] = (-1, [])

    def bars_from(self, alignment: Alignment, start_seconds: int, now: int) -> Iterator[Bar]:
        """Yield the bars that begin at a time or later and exist at `now` (nanoseconds), oldest first."""
        grid = self._grid(alignment)
        for place in range(int(np.searchsorted(grid.starts, start_seconds)), len(grid.starts)):
            if int(grid.starts[place]) * NANOSECONDS > now:
                return
            bar = self._bar(alignment, grid, place, now)
            if bar is not None:
                yield bar

    def bars_before(self, alignment: Alignment, end_seconds: int, now: int) -> Iterator[Bar]:
        """Yield the bars that begin before a time and exist at `now` (nanoseconds), newest first."""
        grid = self._grid(alignment)
        last = int(np.searchsorted(grid.starts, min(end_seconds, now // NANOSECONDS + 1)))
        for place in range(last - 1, -1, -1):
            bar = self._bar(alignment, grid, place, now)
            if bar is not None:
                yield bar

    def tick_at(self, now: int) -> Tick | None:
        """Return the last quote up to a time in nanoseconds, or None before the first."""
        place = int(np.searchsorted(self._times, now // NANOSECONDS, side="right")) - 1
        while place >= 0:
            past = [tick for tick in self._ticks(place) if tick.time <= now]
            if past:
                return past[-1]
            place -= 1
        return None

    def ticks_between(self, after: int, until: int) -> Iterator[Tick]:
        """Yield the quotes after a time up to another, both in nanoseconds."""
        first = max(0, int(np.searchsorted(self._times, after // NANOSECONDS, side="right")) - 1)
        last = int(np.searchsorted(self._times, until // NANOSECONDS, side="right"))
        for place in range(first, last):
            yield from (tick for tick in self._ticks(place) if after < tick.time <= until)

    def first_time(self) -> int:
        """Return the open time of the first candle in seconds."""
        return int(self._times[0])

    def existing(self) -> list[Candle]:
        """Return the series' candles without those that the faults have taken away, unrevised."""
        name = self.instrument.name
        rows = (self._candle(place) for place in range(len(self._times)))
        return [candle for candle in rows if not self._faults.is_missing(name, candle.time)]

    def _grid(self, alignment: Alignment) -> Grid:
        grid = self._grids.get(alignment)
        if grid is None:
            grid = self._grids[alignment] = grid_of(self._times, alignment)
        return grid

    def _candle(self, place: int) -> Candle:
        return Candle._make(self._rows[place].tolist())

    def _bar(self, alignment: Alignment, grid: Grid, place: int, now: int) -> Bar | None:
        places = range(int(grid.firsts[place]), int(grid.firsts[place + 1]))
        parts = [part for part in (self._part(each, now) for each in places) if part is not None]
        if not parts:
            return None
        start = int(grid.starts[place])
        return Bar(_merged(start, parts), self._is_complete(alignment, start, now))

    def _is_complete(self, alignment: Alignment, start: int, now: int) -> bool:
        name, length = self.instrument.name, alignment.granularity_seconds
        delay = self._lag_seconds + self._faults.completion_delay_seconds(name, length, start)
        if start + length + delay > now / NANOSECONDS:
            return False
        return not self._faults.completes_with_next_tick or self._was_quoted_from(start + length, now)

    def _was_quoted_from(self, start_seconds: int, now: int) -> bool:
        """Return whether there was a quote from a time on, up to `now` in nanoseconds."""
        for place in range(int(np.searchsorted(self._times, start_seconds)), len(self._times)):
            opened = int(self._times[place])
            if opened * NANOSECONDS > now:
                return False
            if not self._faults.is_missing(self.instrument.name, opened):
                whole = (opened + self.granularity_seconds) * NANOSECONDS <= now
                return whole or self._ticks(place)[0].time <= now
        return False

    def _part(self, place: int, now: int) -> Candle | None:
        """Return what there is of a candle of the series at a time."""
        candle = self._candle(place)
        end = (candle.time + self.granularity_seconds) * NANOSECONDS
        if self._faults.is_missing(self.instrument.name, candle.time):
            return None
        if end > now:
            return _unfinished(candle, [tick for tick in self._ticks(place) if tick.time <= now])
        revised_at = end + round(self._faults.revised_after_seconds * NANOSECONDS)
        if now >= revised_at and self._faults.is_revised(self.instrument.name, candle.time):
            return _revised(candle, self._faults.seed, self.instrument.name)
        return candle

    def _ticks(self, place: int) -> list[Tick]:
        known, ticks = self._path
        if known == place:
            return ticks
        candle = self._candle(place)
        name = self.instrument.name
        missing = self._faults.is_missing(name, candle.time)
        ticks = [] if missing else path_of(name, self.granularity_seconds, candle)
        self._path = (place, ticks)
        return ticks


class Market:
    """All pairs of the simulator."""

    def __init__(self, series: Iterable[CandleSeries], faults: Faults, completion_lag_seconds: float = 0.0) -> None:
        """Take one series for each pair."""
        self._faults = faults
        self.pairs: Final = {
            each.instrument.name: PairMarket(each, faults, completion_lag_seconds) for each in series if len(each.time)
        }

    def is_open(self, now: int) -> bool:
        """Return whether orders can be filled at a time in nanoseconds."""
        seconds = now // NANOSECONDS
        return (
            is_market_open(seconds)
            and not self._faults.market_halted
            and not (self._faults.daily_break and _BREAK_STARTS <= _second_of_day(seconds) < _BREAK_ENDS)
        )

    def widening_points(self, now: int) -> int:
        """Return by how much each side of a quote is wider than the candles say."""
        if not self._faults.rollover_widening:
            return 0
        second = _second_of_day(now // NANOSECONDS)
        return next((points for start, end, points in _ROLLOVER_POINTS if start <= second < end), 0)


def _second_of_day(seconds: int) -> int:
    return local_seconds(seconds, _NEW_YORK) % SECONDS_PER_DAY


def _merged(start: int, parts: list[Candle]) -> Candle:
    first, last = parts[0], parts[-1]
    return Candle(
        start,
        first.bid_open,
        max(part.bid_high for part in parts),
        min(part.bid_low for part in parts),
        last.bid_close,
        first.ask_open,
        max(part.ask_high for part in parts),
        min(part.ask_low for part in parts),
        last.ask_close,
        sum(part.volume for part in parts),
    )


def _unfinished(candle: Candle, ticks: list[Tick]) -> Candle | None:
    """Return what the quotes so far make of a candle; None without any."""
    if not ticks:
        return None
    bids, asks = [tick.bid for tick in ticks], [tick.ask for tick in ticks]
    volume = min(int(candle.volume), len(ticks))
    return Candle(
        candle.time, bids[0], max(bids), min(bids), bids[-1], asks[0], max(asks), min(asks), asks[-1], max(1, volume)
    )


def _revised(candle: Candle, seed: int, pair: str) -> Candle:
    """Return a candle that closes a little higher and had a few more ticks."""
    points = 1 + int(chance(seed, "points", pair, candle.time) * _MOST_REVISED_POINTS)
    bid, ask = candle.bid_close + points, candle.ask_close + points
    return candle._replace(
        bid_close=bid,
        bid_high=max(candle.bid_high, bid),
        ask_close=ask,
        ask_high=max(candle.ask_high, ask),
        volume=candle.volume + 1,
    )
