"""What the market said of each candle and how the gates judged it, in the store."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import Row, Select, Table, func, insert, select

from shared.contracts.decimals import digits_in, format_fixed
from shared.contracts.errors import InvariantError
from shared.contracts.facts import CandleAssessed, CandleClosed, NewsEvent
from shared.contracts.times import format_day, format_time
from shared.contracts.vocabulary import REASON_OF_NAME, SIDE_OF_NAME
from shared.core.types import (
    GATE_NAMES,
    MARKET_STATE_NAMES,
    PASSED,
    PRICE_NAMES,
    REASON_NAMES,
    SIDE_NAMES,
    Assessment,
    Candle,
    MarketState,
    Readings,
    Reason,
)
from shared.store.rows.market import FunnelRow, GateSnapshotRow, VerdictRow
from shared.store.sql.session import Session, Values, of_pair, picked, read_fixed, read_name
from shared.store.tables.judged import (
    ASSESSED_BY,
    ASSESSMENTS,
    FIGURES,
    GATE_LIMITS,
    GATE_REASONS,
    GATE_SNAPSHOTS,
    GATE_VALUES,
    JUDGED_BY,
    MARKET_REASONS,
    READING_NAMES,
    READINGS,
)

# What many rows refer to, in the order of its table's columns after the id.
_Alike: TypeAlias = tuple[str | int | None, ...]
_CIRCUMSTANCES: Final = ("stream", "pair", "granularity", "strategy", "params_hash", "params_version")
_PLAIN: Final = ("seq", "previous_seq", "candle_time", "trading_day", "signal", "market_state", "spread_points")
_NEWS: Final = ("news_title", "news_currency", "news_minutes")
_STATE_OF_NAME: Final = {name: MarketState(number) for number, name in enumerate(MARKET_STATE_NAMES)}
# A gate that passed needs no word.
_WRITTEN_REASONS: Final = (None, *REASON_NAMES[1:])

_ASSESSMENT_ROWS: Final = (
    picked(ASSESSMENTS, (*_PLAIN, *MARKET_REASONS, *_NEWS, *FIGURES, *READINGS, "volume", *PRICE_NAMES))
    .add_columns(*(ASSESSED_BY.c[name] for name in _CIRCUMSTANCES))
    .outerjoin_from(ASSESSMENTS, ASSESSED_BY, ASSESSED_BY.c.id == ASSESSMENTS.c.assessed_by_id)
)
# An outer join is walked from its left: what is referred to is looked up, and never the way in.
GATE_ROWS: Final = (
    select(
        GATE_SNAPSHOTS,
        *(JUDGED_BY.c[name] for name in ("stream", "granularity", "params_hash", "params_version")),
        *(JUDGED_BY.c[name] for name in (*GATE_LIMITS, *READING_NAMES)),
        *(ASSESSMENTS.c[name] for name in (*FIGURES, *READINGS)),
    )
    .outerjoin_from(GATE_SNAPSHOTS, JUDGED_BY, JUDGED_BY.c.id == GATE_SNAPSHOTS.c.judged_by_id)
    .outerjoin(ASSESSMENTS, ASSESSMENTS.c.seq == GATE_SNAPSHOTS.c.seq)
)


class JudgedSession(Session):
    """Read and write assessments and judged candles."""

    def assessments_after(self, seq: int, limit: int) -> list[CandleAssessed]:
        """Walk the primary key, which is seq, upwards."""
        query = _ASSESSMENT_ROWS.where(ASSESSMENTS.c.seq > seq).order_by(ASSESSMENTS.c.seq).limit(limit)
        return [_assessed(row) for row in self._connection.execute(query)]

    def gate_snapshots(self, limit: int, pair: str | None = None) -> list[GateSnapshotRow]:
        """Order by row id from the end; of one pair by the time of the candle first, as its index does."""
        columns = GATE_SNAPSHOTS.c
        place = (columns.id,) if pair is None else (columns.candle_time, columns.id)
        query = of_pair(GATE_ROWS, columns.pair, pair)
        return self._gate_rows(query.order_by(*(column.desc() for column in place)).limit(limit))

    def gate_snapshots_at(self, pair: str, time: int) -> list[GateSnapshotRow]:
        """Look the opening up in the index on pair and candle time, then search the week before it there."""
        columns = GATE_SNAPSHOTS.c
        query = GATE_ROWS.where(columns.pair == pair).order_by(columns.id)
        # No candle is longer than a week, which lets the index find the one that was decided upon.
        before = columns.candle_time.between(time - 7 * 86_400, time)
        opened = self._gate_rows(query.where(columns.candle_time == time))
        return opened or self._gate_rows(query.where(before, columns.ts_utc == time))

    def gate_snapshots_after(self, seq: int, limit: int) -> list[GateSnapshotRow]:
        """Walk the unique index on seq upwards, through all streams."""
        columns = GATE_SNAPSHOTS.c
        return self._gate_rows(GATE_ROWS.where(columns.seq > seq).order_by(columns.seq).limit(limit))

    def gate_funnel(self, pair: str | None = None) -> list[FunnelRow]:
        """Group and count in the database; rows come by name of the reason, then by mask."""
        columns = GATE_SNAPSHOTS.c
        query = of_pair(select(columns.reason, columns.failed_gates, func.count()), columns.pair, pair)
        query = query.group_by(columns.reason, columns.failed_gates).order_by(columns.reason, columns.failed_gates)
        return [
            FunnelRow(read_name(REASON_OF_NAME, reason, GATE_SNAPSHOTS, reason, "reason"), failed, candles)
            for reason, failed, candles in self._connection.execute(query)
        ]

    def add_assessments(self, facts: Sequence[CandleAssessed]) -> None:
        """Insert in bulk under seq as the primary key."""
        alike = [_assessed_by(fact) for fact in facts]
        places = self._places(ASSESSED_BY, _CIRCUMSTANCES, alike)
        self._add(ASSESSMENTS, (_assessment_values(fact, places[key]) for fact, key in zip(facts, alike, strict=True)))

    def add_gate_snapshots(self, rows: Sequence[GateSnapshotRow]) -> None:
        """Insert in bulk; version 0 of the parameters is written as NULL."""
        alike = [_judged_by(row) for row in rows]
        places = self._places(JUDGED_BY, (*_CIRCUMSTANCES, *GATE_LIMITS, *READING_NAMES), alike)
        self._add(GATE_SNAPSHOTS, (_gate_values(row, places[key]) for row, key in zip(rows, alike, strict=True)))

    def _places(self, table: Table, names: Sequence[str], alike: Iterable[_Alike]) -> Mapping[_Alike, int]:
        """Return the ids of what rows have alike, adding what is new; nobody else writes what one service refers to."""
        places: dict[_Alike, int] = {}
        for key in dict.fromkeys(alike):
            values = dict(zip(names, key, strict=True))
            same = (
                table.c[name].is_(None) if value is None else table.c[name] == value for name, value in values.items()
            )
            place = self._connection.execute(select(table.c.id).where(*same).limit(1)).scalar()
            if place is None:
                adding = insert(table).values(values).returning(table.c.id)
                place = self._connection.execute(adding).scalar_one()
            places[key] = place
        return places

    def _gate_rows(self, query: Select[Any]) -> list[GateSnapshotRow]:
        return [_gate_row(row) for row in self._connection.execute(query)]


def _assessed_by(fact: CandleAssessed) -> _Alike:
    closed = fact.closed
    return (
        closed.stream,
        closed.pair,
        closed.granularity_seconds,
        fact.strategy,
        fact.params_hash,
        fact.params_version or None,
    )


def _judged_by(row: GateSnapshotRow) -> _Alike:
    limits = [verdict.limit for verdict in row.verdicts]
    names = list(row.indicators)[len(FIGURES) :]
    unused = [None] * (len(READINGS) - len(names))
    version = row.params_version or None
    return (
        *(row.stream, row.pair, row.granularity_seconds, row.strategy, row.params_hash, version),
        *limits,
        *names,
        *unused,
    )


def _assessment_values(fact: CandleAssessed, assessed_by_id: int) -> Values:
    closed, assessment, news = fact.closed, fact.assessment, fact.news
    verdicts = (assessment.session, assessment.spread, assessment.news, assessment.market_state_verdict)
    figures = (assessment.atr, assessment.atr_median, assessment.adx, *assessment.readings)
    points = zip(PRICE_NAMES, closed.candle.prices, strict=True)
    return {
        "seq": closed.seq,
        "previous_seq": None if closed.previous_seq == closed.seq - 1 else closed.previous_seq,
        "assessed_by_id": assessed_by_id,
        "candle_time": format_time(closed.candle.time),
        **{name: format_fixed(price, closed.digits) for name, price in points},
        "volume": closed.candle.volume,
        "trading_day": format_day(fact.trading_day),
        **{name: _WRITTEN_REASONS[reason] for name, reason in zip(MARKET_REASONS, verdicts, strict=True)},
        "signal": SIDE_NAMES[assessment.signal],
        "market_state": MARKET_STATE_NAMES[assessment.market_state],
        "spread_points": assessment.spread_points,
        **{name: _valid(figure) for name, figure in zip((*FIGURES, *READINGS), figures, strict=True)},
        **dict(zip(_NEWS, news or (None, None, None), strict=True)),
    }


def _valid(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None


def _assessed(row: Row[Any]) -> CandleAssessed:
    values = iter(row)

    def taken(count: int) -> list[Any]:
        return [next(values) for _ in range(count)]

    seq, previous_seq, candle_time, trading_day, signal, market_state, spread_points = taken(len(_PLAIN))
    session, spread, news, market_state_verdict = [
        _reason(each, ASSESSMENTS, seq, name) for each, name in zip(taken(4), MARKET_REASONS, strict=True)
    ]
    title, currency, minutes = taken(len(_NEWS))
    # The same NaN as that of the codec, so that a fact equals the message about it.
    atr, atr_median, adx, *readings = [
        math.nan if each is None else each for each in taken(len(FIGURES) + len(READINGS))
    ]
    (volume,) = taken(1)
    prices = taken(len(PRICE_NAMES))
    stream, pair, granularity_seconds, strategy, params_hash, params_version = values
    if params_hash is None:
        raise _unknown(ASSESSMENTS, seq, "assessed_by_id")
    # A price is written with all the digits of its point, so the row says what a point is.
    digits = digits_in(prices[0])
    closed = CandleClosed(
        stream=stream,
        seq=seq,
        previous_seq=seq - 1 if previous_seq is None else previous_seq,
        pair=pair,
        granularity_seconds=granularity_seconds,
        digits=digits,
        candle=Candle._make((candle_time, *read_fixed(prices, digits, ASSESSMENTS, seq, PRICE_NAMES), volume)),
    )
    assessment = Assessment(
        session=session,
        spread=spread,
        news=news,
        market_state_verdict=market_state_verdict,
        signal=read_name(SIDE_OF_NAME, signal, ASSESSMENTS, seq, "signal"),
        market_state=read_name(_STATE_OF_NAME, market_state, ASSESSMENTS, seq, "market_state"),
        spread_points=spread_points,
        atr=atr,
        atr_median=atr_median,
        adx=adx,
        readings=Readings._make(readings),
    )
    return CandleAssessed(
        closed=closed,
        strategy=strategy,
        params_hash=params_hash,
        trading_day=trading_day,
        assessment=assessment,
        news=None if title is None else NewsEvent(title, currency, minutes),
        params_version=params_version or 0,
    )


def _gate_values(row: GateSnapshotRow, judged_by_id: int) -> Values:
    values = [verdict.value for verdict in row.verdicts]
    reasons = [_WRITTEN_REASONS[verdict.reason] for verdict in row.verdicts]
    return {
        "ts_utc": format_time(row.time),
        "pair": row.pair,
        "strategy": row.strategy,
        "final_signal": SIDE_NAMES[row.final_signal],
        "reason": REASON_NAMES[row.reason],
        "failed_gates": row.failed_gates,
        "seq": row.seq,
        "candle_time": format_time(row.candle_time),
        "judged_by_id": judged_by_id,
        **dict(zip((*GATE_VALUES, *GATE_REASONS), (*values, *reasons), strict=True)),
    }


def _gate_row(row: Row[Any]) -> GateSnapshotRow:
    found = row._mapping
    if found["params_hash"] is None:
        raise _unknown(GATE_SNAPSHOTS, row.id, "judged_by_id")
    names = [*FIGURES, *(found[column] for column in READING_NAMES if found[column] is not None)]
    return GateSnapshotRow(
        time=row.ts_utc,
        pair=row.pair,
        strategy=row.strategy,
        final_signal=read_name(SIDE_OF_NAME, row.final_signal, GATE_SNAPSHOTS, row.id, "final_signal"),
        reason=read_name(REASON_OF_NAME, row.reason, GATE_SNAPSHOTS, row.id, "reason"),
        failed_gates=row.failed_gates,
        stream=row.stream,
        seq=row.seq,
        granularity_seconds=row.granularity,
        candle_time=row.candle_time,
        verdicts=tuple(
            VerdictRow(
                gate=gate,
                reason=_reason(found[reason], GATE_SNAPSHOTS, row.id, reason),
                value=found[value],
                limit=found[limit],
            )
            for gate, reason, value, limit in zip(GATE_NAMES, GATE_REASONS, GATE_VALUES, GATE_LIMITS, strict=True)
        ),
        indicators={name: found[column] for name, column in zip(names, (*FIGURES, *READINGS), strict=False)},
        params_hash=row.params_hash,
        params_version=row.params_version or 0,
    )


def _reason(name: str | None, table: Table, row: object, column: str) -> Reason:
    return PASSED if name is None else read_name(REASON_OF_NAME, name, table, row, column)


def _unknown(table: Table, row: object, column: str) -> InvariantError:
    return InvariantError(f"table {table.name}, row {row}, column {column}: there is no such row")
