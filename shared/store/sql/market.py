"""Market data in the store."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, select

from shared.contracts.decimals import digits_in, format_fixed
from shared.contracts.facts import CandleClosed
from shared.contracts.granularity import NAME_BY_SECONDS
from shared.contracts.times import format_time
from shared.core.types import PRICE_NAMES, Candle
from shared.store.rows.listing import NewestCandle
from shared.store.rows.market import CandleGapRow, RejectedCandleRow
from shared.store.sql.session import Session, Values, of_pair, picked, read_fixed
from shared.store.tables.market import CANDLE_GAPS, CANDLES, REJECTED_CANDLES

CANDLE_ROWS: Final = picked(
    CANDLES, ("id", "stream", "seq", "previous_seq", "pair", "granularity", "time", "volume", *PRICE_NAMES)
)


def _newest_candles() -> Select[Any]:
    """Return the query for the newest candle of each pair and granularity, which reads a row of an index for each.

    Neither database jumps through an index by itself: grouping would read all of it.
    """
    pair, granularity, time = CANDLES.c.pair, CANDLES.c.granularity, CANDLES.c.time
    first_pair = select(pair).order_by(pair).limit(1).scalar_subquery()
    pairs = select(first_pair.label("pair")).cte("pairs", recursive=True)
    next_pair = select(pair).where(pair > pairs.c.pair).order_by(pair).limit(1).scalar_subquery()
    pairs = pairs.union_all(select(next_pair).where(pairs.c.pair.is_not(None)))
    first_of_pair = select(granularity).where(pair == pairs.c.pair).order_by(granularity).limit(1).scalar_subquery()
    kinds = select(pairs.c.pair, first_of_pair.label("granularity")).where(pairs.c.pair.is_not(None))
    kind = kinds.cte("kinds", recursive=True)
    of_pair_after = select(granularity).where(pair == kind.c.pair, granularity > kind.c.granularity)
    next_of_pair = of_pair_after.order_by(granularity).limit(1).scalar_subquery()
    kind = kind.union_all(select(kind.c.pair, next_of_pair).where(kind.c.granularity.is_not(None)))
    of_kind = select(time).where(pair == kind.c.pair, granularity == kind.c.granularity)
    newest = of_kind.order_by(time.desc()).limit(1).scalar_subquery()
    query = select(kind.c.pair, kind.c.granularity, newest.label("time")).where(kind.c.granularity.is_not(None))
    return query.order_by(kind.c.pair, kind.c.granularity)


_NEWEST_CANDLES: Final = _newest_candles()


class MarketSession(Session):
    """Read and write candles, refused rows and gaps."""

    def last_candle(self) -> CandleClosed | None:
        """Take the end of the unique index on seq."""
        return next(iter(self._candle_rows(CANDLE_ROWS.order_by(CANDLES.c.seq.desc()).limit(1))), None)

    def last_candle_seq(self, stream: str) -> int:
        """Take the end of the stream's range in the index on stream and seq."""
        query = select(CANDLES.c.seq).where(CANDLES.c.stream == stream).order_by(CANDLES.c.seq.desc()).limit(1)
        return self._connection.execute(query).scalar() or 0

    def last_candle_times(self, granularity_seconds: int) -> dict[str, int]:
        """Take those of the granularity from the newest candles of all."""
        return {row.pair: row.time for row in self.newest_candles() if row.granularity_seconds == granularity_seconds}

    def newest_candles(self) -> list[NewestCandle]:
        """Jump through the unique index from one pair and granularity to the next, in one statement."""
        return [NewestCandle._make(row) for row in self._connection.execute(_NEWEST_CANDLES)]

    def candles_between(self, pair: str, granularity_seconds: int, start: int, end: int) -> list[CandleClosed]:
        """Read one range of the unique index on pair, granularity and time upwards."""
        query = (
            CANDLE_ROWS.where(CANDLES.c.pair == pair, CANDLES.c.granularity == granularity_seconds)
            .where(CANDLES.c.time >= start, CANDLES.c.time < end)
            .order_by(CANDLES.c.time)
        )
        return self._candle_rows(query)

    def candles_after(self, stream: str, seq: int, limit: int) -> list[CandleClosed]:
        """Walk the stream's range of the index on stream and seq upwards."""
        query = CANDLE_ROWS.where(CANDLES.c.stream == stream, CANDLES.c.seq > seq).order_by(CANDLES.c.seq).limit(limit)
        return self._candle_rows(query)

    def candles_in_order(self, chunk: int = 10_000, after: int = 0) -> Iterator[CandleClosed]:
        """Ask anew for every chunk, above the last seq of the one before."""
        seq = after
        query = CANDLE_ROWS.order_by(CANDLES.c.seq).limit(chunk)
        while rows := self._candle_rows(query.where(CANDLES.c.seq > seq)):
            yield from rows
            seq = rows[-1].seq

    def granularities(self) -> dict[str, int]:
        """Take them from the newest candles; of a pair that has two granularities one is kept."""
        return {row.pair: row.granularity_seconds for row in self.newest_candles()}

    def candle_count(self) -> int:
        """Take the highest seq, of which none is left out: counting would read them all."""
        return self._connection.execute(select(CANDLES.c.seq).order_by(CANDLES.c.seq.desc()).limit(1)).scalar() or 0

    def rejected_candles(self, limit: int, pair: str | None = None) -> list[RejectedCandleRow]:
        """Walk the primary key from its end; no index begins with the pair."""
        query = of_pair(picked(REJECTED_CANDLES, RejectedCandleRow._fields), REJECTED_CANDLES.c.pair, pair)
        query = query.order_by(REJECTED_CANDLES.c.id.desc()).limit(limit)
        return [RejectedCandleRow._make(row) for row in self._connection.execute(query)]

    def gaps(self, limit: int, pair: str | None = None) -> list[CandleGapRow]:
        """Walk an index on the start from its end, then sort what begins together by row id."""
        query = picked(CANDLE_GAPS, CandleGapRow._fields, granularity_seconds="granularity")
        query = of_pair(query, CANDLE_GAPS.c.pair, pair)
        query = query.order_by(CANDLE_GAPS.c.from_time.desc(), CANDLE_GAPS.c.id.desc()).limit(limit)
        return [CandleGapRow._make(row) for row in self._connection.execute(query)]

    def add_candles(self, rows: Sequence[CandleClosed]) -> None:
        """Insert in bulk, prices as decimals with the digits of their points."""
        self._add(CANDLES, map(_candle_values, rows))

    def add_rejected(self, rows: Sequence[RejectedCandleRow]) -> None:
        """Insert in bulk; on a conflict of source, pair, line and reason the stored row stays."""
        self._add(REJECTED_CANDLES, (row._asdict() for row in rows))

    def add_gaps(self, rows: Sequence[CandleGapRow]) -> None:
        """Insert in bulk; on a conflict of pair, granularity and span the stored row stays."""
        self._add(CANDLE_GAPS, map(_gap_values, rows))

    def _candle_rows(self, query: Select[Any]) -> list[CandleClosed]:
        return [_candle_row(row) for row in self._connection.execute(query).all()]


def _candle_values(row: CandleClosed) -> Values:
    candle = row.candle
    return {
        "stream": row.stream,
        "seq": row.seq,
        "previous_seq": row.previous_seq,
        "pair": row.pair,
        "granularity": NAME_BY_SECONDS[row.granularity_seconds],
        "time": format_time(candle.time),
        "volume": candle.volume,
        **{name: format_fixed(points, row.digits) for name, points in zip(PRICE_NAMES, candle.prices, strict=True)},
    }


def _candle_row(row: Row[Any]) -> CandleClosed:
    number, stream, seq, previous_seq, pair, granularity_seconds, time, volume, *prices = tuple(row)
    # A price is written with all the digits of its point, so the row says what a point is.
    digits = digits_in(prices[0])
    points = read_fixed(prices, digits, CANDLES, number, PRICE_NAMES)
    return CandleClosed(
        stream=stream,
        seq=seq,
        previous_seq=previous_seq,
        pair=pair,
        granularity_seconds=granularity_seconds,
        digits=digits,
        candle=Candle._make((time, *points, volume)),
    )


def _gap_values(row: CandleGapRow) -> Values:
    return {
        **row._asdict(),
        "granularity": NAME_BY_SECONDS[row.granularity_seconds],
        "from_time": format_time(row.from_time),
        "to_time": format_time(row.to_time),
    }
