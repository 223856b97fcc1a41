"""What is known of one pair of a live feed: its candles in hand, and what the gap ledger says of its time."""

from bisect import insort
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from shared.calendar.market_hours import open_seconds_between
from shared.contracts.vocabulary import GapKind
from shared.core.types import Candle, Instrument
from shared.store.rows.market import CandleGapRow

REMEMBERED_CANDLES: Final = 100


class StoredPair(NamedTuple):
    """What the store holds of a pair: its newest candles, oldest first, and where its newest recorded gap ends."""

    candles: Sequence[Candle] = ()
    gaps_until: int | None = None


class Held(NamedTuple):
    """A candle in hand, when it came by the feed's time, and whether that was later than it should have."""

    candle: Candle
    received: float
    backfilled: bool


class PairState:
    """The frontier of what is known of a pair, the candles that wait for their turn, and its part of the gap ledger.

    `frontier` is the open time up to which the fate of every slot is known. `accounted` is the open time up to which
    every absent slot stands in the gap ledger; both are None until the pair has begun.
    """

    def __init__(self, instrument: Instrument, granularity_seconds: int, stored: StoredPair) -> None:
        """Continue from what is stored; a pair without candles has not begun."""
        self.instrument = instrument
        self.held: deque[Held] = deque()
        self.known = {candle.time: candle for candle in stored.candles}
        self.remembered_from = min(self.known, default=0)
        # Slots whose candle cannot be stored, and whether that may still change: it was bad, or is not complete yet.
        self.unusable: dict[int, bool] = {}
        # Slots whose candle the feed has shown, though not complete; old ones are forgotten.
        self.unfinished: set[int] = set()
        self.frontier: int | None = None
        self.accounted: int | None = None
        # When the feed last showed everything that it has of the pair, and when it last gave but a part.
        self.complete_at = float("-inf")
        self.partial_at = float("-inf")
        self._backfilling = False
        self._step = granularity_seconds
        if stored.candles:
            self.frontier = stored.candles[-1].time + granularity_seconds
            self.accounted = max(self.frontier, stored.gaps_until or 0)

    @property
    def wanted_from(self) -> int | None:
        """Return the first open time whose candle may still come, None until the pair has begun."""
        if self.frontier is None:
            return None
        return min([time for time, may_change in self.unusable.items() if may_change], default=self.frontier)

    def hold(self, candle: Candle, received: float, late_seconds: float, *, warm_up: bool) -> None:
        """Keep a candle until its turn; one of the warm-up is never backfilled."""
        backfilled = not warm_up and received > candle.time + self._step + late_seconds
        self.known[candle.time] = candle
        self.unusable.pop(candle.time, None)
        one = Held(candle, received, backfilled)
        if self.held and self.held[-1].candle.time > candle.time:
            ordered = list(self.held)
            insort(ordered, one, key=lambda each: each.candle.time)
            self.held = deque(ordered)
        else:
            self.held.append(one)

    def take_out(self, gaps: list[CandleGapRow]) -> Held:
        """Return the first candle in hand, and add what was absent before it, and its own late arrival, to the gaps."""
        one = self.held.popleft()
        time = one.candle.time
        self._account(time, gaps)
        self.accounted = time + self._step
        if one.backfilled:
            self._backfilled(time, gaps)
        self._backfilling = one.backfilled
        self._forget_old()
        return one

    def pass_over(self, time: int, gaps: list[CandleGapRow]) -> None:
        """Add a slot to the gaps whose candle can no longer be traded, and what was absent before it."""
        if self.accounted is None or time < self.accounted:
            return
        self._account(time, gaps)
        self.accounted = time + self._step
        self._outage(time, gaps)

    def _account(self, until: int, gaps: list[CandleGapRow]) -> None:
        if self.accounted is None:
            return
        start = self.accounted
        for time in sorted(slot for slot in self.unusable if slot < until):
            del self.unusable[time]
            if time >= start:
                self._absent(start, time, gaps)
                self._outage(time, gaps)
                start = time + self._step
        self._absent(start, until, gaps)

    def _absent(self, start: int, end: int, gaps: list[CandleGapRow]) -> None:
        if start < end:
            missing = -(-open_seconds_between(start, end) // self._step)
            kind = GapKind.NO_TICKS if missing else GapKind.WEEKEND
            gaps.append(self._gap(start, end, missing, kind))

    def _outage(self, time: int, gaps: list[CandleGapRow]) -> None:
        """Add one slot to the outage that ends where it begins, else begin one."""
        self._extend(gaps, time, self._last(gaps, lambda gap: gap.kind == GapKind.OUTAGE and gap.to_time == time))

    def _backfilled(self, time: int, gaps: list[CandleGapRow]) -> None:
        """Add one candle to those that were back-filled just before, whatever was absent between them."""
        at = self._last(gaps, lambda gap: gap.kind == GapKind.BACKFILLED) if self._backfilling else None
        self._extend(gaps, time, at, GapKind.BACKFILLED)

    def _last(self, gaps: list[CandleGapRow], fits: Callable[[CandleGapRow], bool]) -> int | None:
        mine = (at for at in reversed(range(len(gaps))) if gaps[at].pair == self.instrument.name and fits(gaps[at]))
        return next(mine, None)

    def _extend(self, gaps: list[CandleGapRow], time: int, at: int | None, kind: GapKind = GapKind.OUTAGE) -> None:
        end = time + self._step
        if at is None:
            gaps.append(self._gap(time, end, 1, kind))
        else:
            gaps[at] = gaps[at]._replace(to_time=end, missing_candles=gaps[at].missing_candles + 1)

    def _gap(self, start: int, end: int, missing: int, kind: GapKind) -> CandleGapRow:
        return CandleGapRow(
            pair=self.instrument.name,
            granularity_seconds=self._step,
            from_time=start,
            to_time=end,
            missing_candles=missing,
            kind=kind,
        )

    def _forget_old(self) -> None:
        if len(self.known) > len(self.held) + 2 * REMEMBERED_CANDLES:
            kept = sorted(self.known)[-(len(self.held) + REMEMBERED_CANDLES) :]
            self.known = {time: self.known[time] for time in kept}
            self.remembered_from = kept[0]
