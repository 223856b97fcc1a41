"""Which live candles may be stored, in which order, what is set aside, and what is missing: all by arguments alone.

A candle of decision time T is released once the fate of slot T is known for every pair: its complete candle is in
hand; or the feed has shown all it has from before the slot to beyond it, and no candle of it; or `late_seconds` have
passed; twice as many where the feed has shown that candle, though not complete. A pair that is not waited for any
longer is left behind: its candle is set aside if it comes after candles that follow it were released. Slots are never
judged absent by the cheap answer that shows only the last two candles of a pair. While the market is closed nothing
is waited for, unless a pair has a candle all the same.

The gap ledger gets each span once:

* `weekend`: the market was closed throughout; none is missing.
* `no_ticks`: the feed has no candle for these slots. Closed hours inside the span are not counted.
* `outage`: there was a candle, but it came too late to be traded, was bad, or was not complete when its turn came.
* `backfilled`: candles that are stored, but came more than `late_seconds` after their end, since the feed or this
  program was away, or since the feed called them complete no sooner. A span may hold slots without ticks; those are not
  counted. Rows end where a batch ends.

Spans of the first three kinds never overlap and, with the stored candles, tile a pair's time from its first candle on.
A weekend of the calendar is all that counts as closed: slots of the daily break are `no_ticks` where they are whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from services.ingest.feed import Arrival
from services.ingest.live.checks import (
    FROM_THE_FUTURE,
    FUTURE_TOLERANCE_SECONDS,
    REVISED,
    TOO_LATE,
    off_grid_reason,
    on_grid,
    price_fault,
    rejected_row,
    shown_from,
)
from services.ingest.live.pair import PairState, StoredPair
from shared.calendar.market_hours import is_market_open
from shared.contracts.feed import Complete, FedCandle, Incomplete, Refused
from shared.core.types import Instrument
from shared.store.rows.market import CandleGapRow, RejectedCandleRow

_REMEMBERED_REFUSALS: Final = 10_000


class Hole(NamedTuple):
    """A pair whose candles from an open time on have to be fetched."""

    pair: str
    from_time: int


class Release(NamedTuple):
    """What is to be stored together: candles in the order of decisions, gaps, and what was refused."""

    arrivals: Sequence[Arrival]
    gaps: Sequence[CandleGapRow]
    rejected: Sequence[RejectedCandleRow]


class Collector:
    """Merges what a feed says of its pairs into one order; `now` is always the feed's own time.

    `asked_at` is that of the question, now unless it is given: how the feed stood later its answer does not tell.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        granularity_seconds: int,
        late_seconds: float,
        stored: Mapping[str, StoredPair],
        last_order: tuple[int, str] | None,
    ) -> None:
        """Continue from what is stored: of each pair, and the order of the last candle of all."""
        self._step = granularity_seconds
        self._late = late_seconds
        self._released = last_order or (0, "")
        nothing = StoredPair()
        self._pairs = {
            each.name: PairState(each, granularity_seconds, stored.get(each.name, nothing))
            for each in sorted(set(instruments))
        }
        self._holes = {pair for pair, state in self._pairs.items() if state.frontier is not None}
        self._gaps: list[CandleGapRow] = []
        self._rejected: list[RejectedCandleRow] = []
        self._refused: dict[tuple[str, int, str], None] = {}

    def not_begun(self) -> list[str]:
        """Return the pairs of which nothing is stored and no history was given; nothing is released before."""
        return [pair for pair, state in self._pairs.items() if state.frontier is None]

    def holes(self, most_held: int) -> list[Hole]:
        """Return what has to be fetched, leaving out pairs with so many candles in hand.

        After a start that is from the last stored candle on, so that it is compared with what the feed says now.
        """
        return [
            Hole(pair, state.wanted_from - self._step)
            for pair, state in self._pairs.items()
            if pair in self._holes and state.wanted_from is not None and len(state.held) < most_held
        ]

    def begin(self, pair: str, fed: Sequence[FedCandle], now: float, asked_at: float | None = None) -> None:
        """Take a pair's history, from its first candle on that can still go behind all that is stored."""
        state = self._pairs[pair]
        ordered = [each for each in self._fit(pair, fed, now) if (each.time + self._step, pair) > self._released]
        state.frontier = ordered[0].time if ordered else int(now // self._step) * self._step
        state.remembered_from = state.frontier
        state.complete_at = now if asked_at is None else asked_at
        self._walk(state, ordered, state.complete_at, warm_up=True)

    def glimpse(self, pair: str, fed: Sequence[FedCandle], now: float, asked_at: float | None = None) -> None:
        """Take the last complete candle of a pair and the current one, which may leave a hole before them."""
        state = self._pairs[pair]
        if state.frontier is None or not fed:
            return
        ordered = self._fit(pair, fed, now)
        asked = now if asked_at is None else asked_at
        # The last two candles do not tell of one before them that was passed over and may have become complete.
        if self._reachable(state, ordered, asked) or state.wanted_from != state.frontier:
            self._holes.add(pair)
        else:
            state.complete_at = asked

    def answer(
        self, pair: str, fed: Sequence[FedCandle], now: float, asked_at: float | None = None, *, to_now: bool
    ) -> None:
        """Take all candles of a pair from its hole on; `to_now` says that the feed has no more."""
        state = self._pairs[pair]
        asked = now if asked_at is None else asked_at
        self._walk(state, self._fit(pair, fed, now), asked)
        if to_now:
            self._holes.discard(pair)
            state.complete_at = asked
        else:
            state.partial_at = asked

    def release(self, now: float, at_most: int) -> Release:
        """Return the next candles, at most so many unless one decision time has more, and what is to be noted."""
        arrivals: list[Arrival] = []
        while (opened := self._next_slot(now)) is not None:
            together = [state for state in self._pairs.values() if state.held and state.held[0].candle.time == opened]
            if arrivals and len(arrivals) + len(together) > at_most:
                break
            for state in together:
                candle = state.take_out(self._gaps).candle
                name, digits = state.instrument.name, state.instrument.digits
                arrivals.append(Arrival(pair=name, granularity_seconds=self._step, digits=digits, candle=candle))
            self._released = max(self._released, arrivals[-1].order)
        noted = Release(arrivals, self._gaps, self._rejected)
        self._gaps, self._rejected = [], []
        return noted

    def awaited(self, now: float) -> bool:
        """Return whether asking again soon may bring a candle that is due, or one that is in hand waits for another."""
        opened = int(now // self._step) * self._step - self._step
        missing = is_market_open(opened) and not all(self._known(state, opened) for state in self._pairs.values())
        return missing or bool(self._holes or self.not_begun()) or any(state.held for state in self._pairs.values())

    def next_close(self, now: float) -> float:
        """Return when the candles that are open now end."""
        return (now // self._step + 1) * self._step

    def _next_slot(self, now: float) -> int | None:
        """Return the open time of the first candles in hand, if none has to be waited for."""
        heads = [state.held[0] for state in self._pairs.values() if state.held]
        if not heads or self.not_begun():
            return None
        opened = min(head.candle.time for head in heads)
        received = min(head.received for head in heads if head.candle.time == opened)
        for state in self._pairs.values():
            if not self._known(state, opened) and now < self._patience_ends(state, opened, received):
                return None
        return opened

    def _known(self, state: PairState, opened: int) -> bool:
        if state.frontier is not None and state.frontier > opened:
            return True
        return state.complete_at >= opened + self._step + self._late

    def _patience_ends(self, state: PairState, opened: int, received: float) -> float:
        """Return until when a pair is waited for that the feed said nothing of since the slot was due."""
        closed = opened + self._step
        # After an outage all is overdue: time counts from when the first pair came, and while a pair's pages come.
        begins = closed if received < closed + self._late else received
        if opened in state.unfinished:
            # It is taken once it can change no more; a question that fails just then may be asked again.
            begins = max(begins, closed + self._late)
        return max(begins, state.partial_at) + self._late

    def _fit(self, pair: str, fed: Iterable[FedCandle], now: float) -> list[FedCandle]:
        """Return the candles that lie on the grid and not in the future, oldest first, a complete one before others."""
        fit = []
        for each in sorted(fed, key=lambda one: (one.time, isinstance(one, Incomplete))):
            if not on_grid(each.time, self._step):
                self._refuse(pair, each, off_grid_reason(self._step))
            elif shown_from(each, self._step) > now + FUTURE_TOLERANCE_SECONDS:
                # Of one that cannot be read nobody knows whether it is complete.
                if not isinstance(each, Refused):
                    self._refuse(pair, each, FROM_THE_FUTURE)
            else:
                fit.append(each)
        state = self._pairs[pair]
        state.unfinished = {time for time in state.unfinished if time >= (state.frontier or 0)}
        state.unfinished |= {each.time for each in fit if isinstance(each, Incomplete)}
        return fit

    def _walk(self, state: PairState, ordered: Sequence[FedCandle], now: float, *, warm_up: bool = False) -> None:
        """Move the frontier over candles without a hole, up to the first that is not complete but still may be."""
        for at, each in enumerate(ordered):
            time = each.time
            frontier = state.frontier or 0
            if not isinstance(each, Incomplete):
                self._take(state, each, now, warm_up=warm_up)
                state.frontier = max(frontier, time + self._step)
            elif time >= frontier:
                state.frontier = time
                if at + 1 == len(ordered) or now < time + self._step + self._late:
                    return
                state.unusable[time] = True
                state.frontier = time + self._step

    def _reachable(self, state: PairState, ordered: Sequence[FedCandle], now: float) -> Sequence[FedCandle]:
        """Take the complete candles that follow what is known, and return those that do not."""
        for at, each in enumerate(ordered):
            if each.time > (state.frontier or 0):
                return ordered[at:]
            if not isinstance(each, Incomplete):
                self._walk(state, [each], now)
        return ()

    def _take(self, state: PairState, fed: Complete | Refused, now: float, *, warm_up: bool) -> None:
        pair, known = state.instrument.name, state.known.get(fed.time)
        if known is None and fed.time < state.remembered_from:
            return
        if isinstance(fed, Refused):
            self._set_aside(state, fed, fed.reason)
        elif fault := price_fault(fed.candle, state.instrument.digits):
            self._set_aside(state, fed, fault)
        elif known is not None:
            if known != fed.candle:
                self._refuse(pair, fed, REVISED)
        elif (fed.time + self._step, pair) <= self._released:
            self._refuse(pair, fed, TOO_LATE)
            state.pass_over(fed.time, self._gaps)
        else:
            state.hold(fed.candle, now, self._late, warm_up=warm_up)

    def _set_aside(self, state: PairState, fed: Complete | Refused, fault: str) -> None:
        """Refuse a bad candle, whose slot stays empty unless a good one was stored before."""
        self._refuse(state.instrument.name, fed, fault)
        if fed.time not in state.known and (state.accounted is None or fed.time >= state.accounted):
            state.unusable[fed.time] = False

    def _refuse(self, pair: str, fed: FedCandle, reason: str) -> None:
        """Note a refused candle once for each reason; one that is not complete is only left out."""
        key = (pair, fed.time, reason)
        if isinstance(fed, Incomplete) or key in self._refused:
            return
        if len(self._refused) >= _REMEMBERED_REFUSALS:
            self._refused.pop(next(iter(self._refused)))
        self._refused[key] = None
        row = rejected_row(self._pairs[pair].instrument, self._step, fed, reason)
        self._rejected.append(row)
