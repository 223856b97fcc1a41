"""Market data and what the market said of each candle, in the store."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, func, select

from shared.contracts.decimals import format_fixed
from shared.contracts.times import format_time
from shared.contracts.vocabulary import REASON_OF_NAME, SIDE_OF_NAME
from shared.core.types import REASON_NAMES, SIDE_NAMES, Candle
from shared.store.rows.market import (
    AssessmentRow,
    CandleGapRow,
    CandleRow,
    FunnelRow,
    GateSnapshotRow,
    RejectedCandleRow,
)
from shared.store.sql.session import Session, Values, digits_of, read_fixed, read_name
from shared.store.tables.market import ASSESSMENTS, CANDLE_GAPS, CANDLES, GATE_SNAPSHOTS, REJECTED_CANDLES

_PRICES: Final = Candle._fields[1:9]


class MarketSession(Session):
    """Read and write candles, refused rows, gaps, assessments and judged candles."""

    def streams(self) -> list[str]:
        """Return the names of all candle streams, sorted."""
        column = CANDLES.c.stream
        return list(self._connection.execute(select(column).distinct().order_by(column)).scalars())

    def last_candle(self) -> CandleRow | None:
        """Return the candle with the highest seq."""
        return next(iter(self._candle_rows(_candles().order_by(CANDLES.c.seq.desc()).limit(1))), None)

    def last_candle_seq(self, stream: str) -> int:
        """Return the highest seq of a stream, 0 when it is empty."""
        query = select(CANDLES.c.seq).where(CANDLES.c.stream == stream).order_by(CANDLES.c.seq.desc()).limit(1)
        return self._connection.execute(query).scalar() or 0

    def last_candle_times(self, granularity: str) -> dict[str, int]:
        """Return the newest open time of every pair that has candles of this granularity."""
        newest = func.max(CANDLES.c.time, type_=CANDLES.c.time.type).label("newest")
        query = select(CANDLES.c.pair, newest).where(CANDLES.c.granularity == granularity).group_by(CANDLES.c.pair)
        return {row.pair: row.newest for row in self._connection.execute(query)}

    def candle_at(self, pair: str, granularity: str, time: int) -> CandleRow | None:
        """Return the candle of a pair that opened at `time`."""
        return next(iter(self.candles_between(pair, granularity, time, time + 1)), None)

    def candles_between(self, pair: str, granularity: str, start: int, end: int) -> list[CandleRow]:
        """Return a pair's candles with start <= open time < end, oldest first."""
        query = (
            _candles()
            .where(CANDLES.c.pair == pair, CANDLES.c.granularity == granularity)
            .where(CANDLES.c.time >= start, CANDLES.c.time < end)
            .order_by(CANDLES.c.time)
        )
        return self._candle_rows(query)

    def candles_after(self, stream: str, seq: int, limit: int) -> list[CandleRow]:
        """Return the next candles of a stream in order, at most `limit`."""
        query = _candles().where(CANDLES.c.stream == stream, CANDLES.c.seq > seq).order_by(CANDLES.c.seq).limit(limit)
        return self._candle_rows(query)

    def candles_in_order(self, chunk: int = 10_000) -> Iterator[CandleRow]:
        """Iterate over all candles in order, reading `chunk` rows at a time."""
        seq = 0
        query = _candles().order_by(CANDLES.c.seq).limit(chunk)
        while rows := self._candle_rows(query.where(CANDLES.c.seq > seq)):
            yield from rows
            seq = rows[-1].seq

    def granularities(self) -> dict[str, str]:
        """Return the granularity of every pair that has candles, by pair name."""
        query = select(CANDLES.c.pair, CANDLES.c.granularity).distinct().order_by(CANDLES.c.pair)
        return {row.pair: row.granularity for row in self._connection.execute(query)}

    def candle_count(self, pair: str | None = None) -> int:
        """Return the number of stored candles, of one pair or of all."""
        query = _of_pair(select(func.count()).select_from(CANDLES), CANDLES.c.pair, pair)
        return int(self._connection.execute(query).scalar_one())

    def rejected_candles(self, limit: int, pair: str | None = None) -> list[RejectedCandleRow]:
        """Return refused input rows, newest first."""
        columns = [REJECTED_CANDLES.c[name] for name in RejectedCandleRow._fields]
        query = _of_pair(select(*columns), REJECTED_CANDLES.c.pair, pair)
        query = query.order_by(REJECTED_CANDLES.c.id.desc()).limit(limit)
        return [RejectedCandleRow(*row) for row in self._connection.execute(query)]

    def gaps(self, limit: int, pair: str | None = None) -> list[CandleGapRow]:
        """Return gaps, latest first."""
        query = _of_pair(select(*(CANDLE_GAPS.c[name] for name in CandleGapRow._fields)), CANDLE_GAPS.c.pair, pair)
        query = query.order_by(CANDLE_GAPS.c.from_time.desc(), CANDLE_GAPS.c.id.desc()).limit(limit)
        return [CandleGapRow(*row) for row in self._connection.execute(query)]

    def assessments_after(self, seq: int, limit: int) -> list[AssessmentRow]:
        """Return the next assessments of all streams in the order of their candles, at most `limit`."""
        query = select(ASSESSMENTS).where(ASSESSMENTS.c.seq > seq).order_by(ASSESSMENTS.c.seq).limit(limit)
        return [AssessmentRow(*row) for row in self._connection.execute(query)]

    def assessment_count(self) -> int:
        """Return the number of assessed candles."""
        return int(self._connection.execute(select(func.count()).select_from(ASSESSMENTS)).scalar_one())

    def gate_snapshots(self, limit: int, pair: str | None = None) -> list[GateSnapshotRow]:
        """Return judged candles, newest first."""
        query = _of_pair(select(GATE_SNAPSHOTS), GATE_SNAPSHOTS.c.pair, pair)
        return self._gate_rows(query.order_by(GATE_SNAPSHOTS.c.id.desc()).limit(limit))

    def gate_snapshots_of_candle(self, pair: str, candle_time: int) -> list[GateSnapshotRow]:
        """Return what was judged of the pair's candle that opened at `candle_time`."""
        columns = GATE_SNAPSHOTS.c
        query = select(GATE_SNAPSHOTS).where(columns.pair == pair, columns.candle_time == candle_time)
        return self._gate_rows(query.order_by(columns.id))

    def gate_snapshots_of_decision(self, pair: str, decision_time: int) -> list[GateSnapshotRow]:
        """Return what was judged of the pair at `decision_time`."""
        columns = GATE_SNAPSHOTS.c
        # No candle is longer than a week, which lets the index on the candle's time find the row.
        earliest = decision_time - 7 * 86_400
        query = select(GATE_SNAPSHOTS).where(
            columns.pair == pair, columns.candle_time.between(earliest, decision_time), columns.ts_utc == decision_time
        )
        return self._gate_rows(query.order_by(columns.id))

    def gate_snapshots_after(self, seq: int, limit: int) -> list[GateSnapshotRow]:
        """Return the next judged candles in order, at most `limit`."""
        columns = GATE_SNAPSHOTS.c
        return self._gate_rows(select(GATE_SNAPSHOTS).where(columns.seq > seq).order_by(columns.seq).limit(limit))

    def gate_funnel(self, pair: str | None = None) -> list[FunnelRow]:
        """Return how many judged candles had which reason and which failed gates, of one pair or of all."""
        columns = GATE_SNAPSHOTS.c
        query = _of_pair(select(columns.reason, columns.failed_gates, func.count()), columns.pair, pair)
        query = query.group_by(columns.reason, columns.failed_gates).order_by(columns.reason, columns.failed_gates)
        return [
            FunnelRow(read_name(REASON_OF_NAME, reason, GATE_SNAPSHOTS, reason, "reason"), failed, candles)
            for reason, failed, candles in self._connection.execute(query)
        ]

    def add_candles(self, rows: Sequence[CandleRow]) -> None:
        """Add candles; one that is stored already is an InvariantError."""
        digits = digits_of({row.pair for row in rows})
        self._add(CANDLES, [_candle_values(row, digits[row.pair]) for row in rows])

    def add_rejected(self, rows: Sequence[RejectedCandleRow]) -> None:
        """Add refused input rows, leaving out those that are known."""
        self._add(REJECTED_CANDLES, rows)

    def add_gaps(self, rows: Sequence[CandleGapRow]) -> None:
        """Add gaps, leaving out those that are known."""
        self._add(
            CANDLE_GAPS,
            [(*row[:2], format_time(row.from_time), format_time(row.to_time), *row[4:]) for row in rows],
        )

    def add_assessments(self, rows: Sequence[AssessmentRow]) -> None:
        """Add assessments; a second one of the same seq is an InvariantError."""
        self._add(ASSESSMENTS, [(*row[:3], format_time(row.candle_time), *row[4:]) for row in rows])

    def add_gate_snapshots(self, rows: Sequence[GateSnapshotRow]) -> None:
        """Add judged candles; a second one of the same seq is an InvariantError."""
        self._add(GATE_SNAPSHOTS, [_gate_values(row) for row in rows])

    def _candle_rows(self, query: Select[Any]) -> list[CandleRow]:
        rows = self._connection.execute(query).all()
        digits = digits_of({row.pair for row in rows})
        return [_candle_row(row, digits[row.pair]) for row in rows]

    def _gate_rows(self, query: Select[Any]) -> list[GateSnapshotRow]:
        return [_gate_row(row) for row in self._connection.execute(query)]


def _candles() -> Select[Any]:
    return select(CANDLES)


def _of_pair(query: Select[Any], column: Any, pair: str | None) -> Select[Any]:
    return query if pair is None else query.where(column == pair)


def _candle_values(row: CandleRow, digits: int) -> Values:
    prices = [format_fixed(points, digits) for points in row.candle[1:9]]
    return (*row[:5], format_time(row.candle.time), *prices, row.candle.volume)


def _candle_row(row: Row[Any], digits: int) -> CandleRow:
    number, stream, seq, previous_seq, pair, granularity, time, *prices, volume = tuple(row)
    points = read_fixed(prices, digits, CANDLES, number, _PRICES)
    return CandleRow(stream, seq, previous_seq, pair, granularity, Candle._make((time, *points, volume)))


def _gate_values(row: GateSnapshotRow) -> Values:
    return (
        format_time(row.time),
        row.pair,
        row.strategy,
        SIDE_NAMES[row.final_signal],
        REASON_NAMES[row.reason],
        row.failed_gates,
        row.stream,
        row.seq,
        row.granularity,
        format_time(row.candle_time),
        row.verdicts_json,
        row.indicators_json,
        row.params_hash,
        row.params_version or None,
    )


def _gate_row(row: Row[Any]) -> GateSnapshotRow:
    side = read_name(SIDE_OF_NAME, row.final_signal, GATE_SNAPSHOTS, row.id, "final_signal")
    reason = read_name(REASON_OF_NAME, row.reason, GATE_SNAPSHOTS, row.id, "reason")
    return GateSnapshotRow._make((*row[1:4], side, reason, *row[6:-1], row.params_version or 0))
