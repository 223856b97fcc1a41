"""Bring closed candles into the platform: in order, each once, each at its place among all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from services.ingest.gaps import find_gaps
from services.ingest.known import Known, all_known, keep_known, known_after, stored_at_the_beginning
from shared.contracts.decimals import format_points
from shared.contracts.envelope import Message, fact_message
from shared.contracts.errors import InputError
from shared.contracts.facts import CANDLE_CLOSED, CandleClosed
from shared.contracts.granularity import granularity_name
from shared.contracts.instruments import require_grid
from shared.contracts.times import format_time
from shared.core.columns import CandleSeries
from shared.core.types import PRICE_NAMES, Candle
from shared.runtime.consumer import no_fence
from shared.runtime.crash import CrashPoint, no_crash
from shared.runtime.outgoing import Outgoing, sent_after_commit
from shared.runtime.streams import candle_stream, partition_of
from shared.store.port import Reader, Store, Transaction
from shared.store.rows.market import CandleGapRow, RejectedCandleRow

SERVICE: Final = "ingest"
# Few enough to hold beside the file, and many enough to be worth a question.
_COMPARED_TOGETHER: Final = 5_000


class Arrival(NamedTuple):
    """A complete candle before it has a place in the stream; its prices are in points of 10**-digits."""

    pair: str
    granularity_seconds: int
    digits: int
    candle: Candle

    @property
    def order(self) -> tuple[int, str]:
        """Return what candles are ordered by: decision time, then pair."""
        return self.candle.time + self.granularity_seconds, self.pair


class CandleFeed:
    """Number candles without gaps, store them and announce them."""

    def __init__(
        self,
        store: Store,
        outgoing: Outgoing,
        partitions: int = 1,
        crash: CrashPoint = no_crash,
        fence: Callable[[Transaction], None] = no_fence,
    ) -> None:
        """Divide the candles between so many partitions; `fence` raises where this process may not write (any more)."""
        self._store = store
        self._outgoing = outgoing
        self._partitions = partitions
        self._crash = crash
        self._fence = fence
        # What is known of the stored candles, as of the last one that was stored when it was looked up or went on.
        self._known: Mapping[str, Known | None] = {}
        self._known_at = 0

    def add(
        self, arrivals: Sequence[Arrival], gaps: Sequence[CandleGapRow] = (), rejected: Sequence[RejectedCandleRow] = ()
    ) -> int:
        """Store a batch that follows what the store holds, in one transaction, announce it and return its size.

        What is missing around it and what was refused goes with it.
        Candles that the store holds already are passed over, so a batch whose commit is in doubt can be added again.
        Raises InputError when a candle would have to go in front of stored ones.
        """
        with sent_after_commit(self._outgoing, self._store.transaction()) as transaction:
            self._fence(transaction)
            last = transaction.last_candle()
            stored = None if last is None else closed_order(last)
            fresh = [each for each in arrivals if stored is None or each.order > stored]
            if len(fresh) < len(arrivals):
                _require_stored(transaction, arrivals[: len(arrivals) - len(fresh)])
            last_seq = 0 if last is None else last.seq
            facts = self._numbered(transaction, fresh, last_seq)
            known = self._known_after(transaction, facts, last_seq)
            transaction.add_candles(facts)
            transaction.add_gaps(gaps)
            transaction.add_rejected(rejected)
            self._outgoing.stage(transaction, [_message(fact) for fact in facts])
            self._crash(f"{SERVICE}.before_commit")
        self._known, self._known_at = known, last_seq + len(facts)
        self._crash(f"{SERVICE}.after_commit")
        return len(facts)

    def _known_after(
        self, transaction: Transaction, facts: Sequence[CandleClosed], last_seq: int
    ) -> Mapping[str, Known | None]:
        """Keep what is known of the stored candles with those that are added to them, and return it."""
        # Another process may have stored some meanwhile, and a commit may have failed.
        known = self._known if self._known_at == last_seq else all_known(transaction)
        news = known_after(known, facts)
        keep_known(transaction, news, facts)
        return {**known, **news}

    def _numbered(self, reader: Reader, arrivals: Sequence[Arrival], last_seq: int) -> list[CandleClosed]:
        streams = [candle_stream(partition_of(each.pair, self._partitions)) for each in arrivals]
        newest = {stream: reader.last_candle_seq(stream) for stream in sorted(set(streams))}
        facts = []
        for seq, (stream, each) in enumerate(zip(streams, arrivals, strict=True), start=last_seq + 1):
            fact = CandleClosed(
                stream=stream,
                seq=seq,
                previous_seq=newest[stream],
                pair=each.pair,
                granularity_seconds=each.granularity_seconds,
                digits=each.digits,
                candle=each.candle,
            )
            facts.append(fact)
            newest[stream] = seq
        return facts

    def note_quality(self, gaps: Sequence[CandleGapRow], rejected: Sequence[RejectedCandleRow]) -> None:
        """Store what is missing from the input and what was refused of it."""
        if gaps or rejected:
            with self._store.transaction() as transaction:
                transaction.add_gaps(gaps)
                transaction.add_rejected(rejected)


def unstored(reader: Reader, series: Sequence[CandleSeries]) -> list[Arrival]:
    """Return the candles of some series that the store does not hold yet, in the order of decisions.

    Raises InputError when a stored candle has other prices, or when a new one would have to go in front of stored ones.
    """
    require_granularities(reader, {each.instrument.name: each.granularity_seconds for each in series}, "these are")
    known = all_known(reader)
    arrivals = [arrival for each in series for arrival in _new_of(reader, each, known.get(each.instrument.name))]
    arrivals.sort(key=lambda arrival: arrival.order)
    last = reader.last_candle()
    if arrivals and last is not None:
        stored = closed_order(last)
        if arrivals[0].order <= stored:
            raise InputError(
                f"the {arrivals[0].pair} candle of {format_time(arrivals[0].candle.time)} is older than candles that "
                f"this database has already traded (up to {format_time(stored[0])}); use another database with --db"
            )
    return arrivals


def require_granularities(reader: Reader, seconds_by_pair: Mapping[str, int], wanted: str) -> None:
    """Raise InputError where a pair is stored with candles of another length; `wanted` says what asks for this one."""
    stored = reader.granularities()
    for pair, seconds in seconds_by_pair.items():
        stored_seconds = stored.get(pair, seconds)
        if stored_seconds != seconds:
            raise InputError(
                f"this database trades {pair} on {granularity_name(stored_seconds)} candles, but {wanted} "
                f"{granularity_name(seconds)}; use another database with --db"
            )


def _require_stored(reader: Reader, arrivals: Sequence[Arrival]) -> None:
    spans: dict[tuple[str, int], list[Candle]] = {}
    for each in arrivals:
        spans.setdefault((each.pair, each.granularity_seconds), []).append(each.candle)
    for (pair, step), candles in spans.items():
        # A batch is a stretch of time, in which few others of the pair are stored.
        known = reader.candles_between(pair, step, candles[0].time, candles[-1].time + 1)
        stored = {row.candle.time: row.candle for row in known}
        for candle in candles:
            if stored.get(candle.time) != candle:
                raise InputError(
                    f"the {pair} candle of {format_time(candle.time)} comes too late: another program brought "
                    "later candles to this database meanwhile; run only one at a time on it"
                )


def closed_order(row: CandleClosed) -> tuple[int, str]:
    """Return the place of a stored candle in the order of decisions."""
    return row.decision_time, row.pair


def gap_rows(series: CandleSeries) -> list[CandleGapRow]:
    """Return the gaps of a series as rows."""
    return [
        CandleGapRow(
            pair=series.instrument.name,
            granularity_seconds=series.granularity_seconds,
            from_time=gap.from_time,
            to_time=gap.to_time,
            missing_candles=gap.missing_candles,
            kind=gap.kind,
        )
        for gap in find_gaps(series.time, series.granularity_seconds)
    ]


def in_batches(arrivals: Sequence[Arrival], size: int) -> Iterator[Sequence[Arrival]]:
    """Cut arrivals into batches of at most `size`."""
    for first in range(0, len(arrivals), size):
        yield arrivals[first : first + size]


def _new_of(reader: Reader, series: CandleSeries, known: Known | None) -> Iterator[Arrival]:
    """Yield the candles of a series that are not stored; none is read where the hash of those that are vouches."""
    pair, step = series.instrument.name, series.granularity_seconds
    vouched = stored_at_the_beginning(series, known)
    for first in range(vouched, len(series.time), _COMPARED_TOGETHER):
        part = series.part(slice(first, first + _COMPARED_TOGETHER))
        stored = {} if vouched else _stored_beside(reader, part)
        for candle in part.candles():
            other = stored.get(candle.time)
            if other is None:
                yield Arrival(pair=pair, granularity_seconds=step, digits=series.instrument.digits, candle=candle)
            elif other != candle:
                raise InputError(
                    f"the {pair} candle of {format_time(candle.time)} is stored with "
                    f"{_difference(other, candle, series.instrument.digits)}; use another database with --db, or the "
                    "file that it was filled from"
                )


def _stored_beside(reader: Reader, part: CandleSeries) -> dict[int, Candle]:
    """Return the stored candles of the time of a series, by their own."""
    start, end = int(part.time[0]), int(part.time[-1]) + 1
    rows = reader.candles_between(part.instrument.name, part.granularity_seconds, start, end)
    if rows:
        require_grid(part.instrument, rows[0].digits)
    return {row.candle.time: row.candle for row in rows}


def _difference(stored: Candle, given: Candle, digits: int) -> str:
    """Return in words what the stored candle has otherwise than a given one of the same time."""
    names = [name for name in PRICE_NAMES if getattr(stored, name) != getattr(given, name)]
    if not names:
        return f"another volume ({stored.volume:.15g}, and here {given.volume:.15g})"
    ours, theirs = (format_points(getattr(each, names[0]), digits) for each in (stored, given))
    return f"other prices ({names[0]} {ours}, and here {theirs})"


def _message(fact: CandleClosed) -> Message:
    return fact_message(
        CANDLE_CLOSED, fact, stream=fact.stream, seq=fact.seq, time=fact.decision_time, pair=fact.pair, producer=SERVICE
    )
