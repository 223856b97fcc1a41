"""What the market said of each candle and how the gates judged it, in the store."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import Row, Select, Table, func, select

from shared.contracts.decimals import digits_in, format_fixed
from shared.contracts.errors import InvariantError
from shared.contracts.facts import CandleAssessed, CandleClosed, NewsEvent
from shared.contracts.granularity import NAME_BY_SECONDS
from shared.contracts.times import format_day, format_time
from shared.contracts.vocabulary import REASON_OF_NAME, SIDE_OF_NAME
from shared.core.types import (
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
from shared.store.rows.market import FunnelRow, GateSnapshotRow, Verdicts
from shared.store.sql.session import Session, of_pair, picked, read_fixed, read_name
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

# What many rows refer to, as it is written, in the order of its table's columns after the id.
_Alike: TypeAlias = tuple[str | int | None, ...]
_CIRCUMSTANCES: Final = ("stream", "pair", "granularity", "strategy", "params_hash", "params_version")
_STATE_OF_NAME: Final = {name: MarketState(number) for number, name in enumerate(MARKET_STATE_NAMES)}
_NO_NEWS: Final = (None, None, None)
_UNNAMED: Final = (None,) * len(READINGS)
# A gate that passed needs no word.
_WRITTEN_REASONS: Final = (None, *REASON_NAMES[1:])

# In the order in which they are taken apart again.
_ASSESSMENT_ROWS: Final = (
    picked(ASSESSMENTS, ("seq", "previous_seq", "candle_time", "trading_day", "signal", "market_state"))
    .add_columns(*(ASSESSMENTS.c[name] for name in ("spread_points", "volume", *PRICE_NAMES, *MARKET_REASONS)))
    .add_columns(*(ASSESSMENTS.c[name] for name in (*FIGURES, *READINGS)))
    .add_columns(*(ASSESSMENTS.c[name] for name in ("news_title", "news_currency", "news_minutes")))
    .add_columns(*(ASSESSED_BY.c[name] for name in _CIRCUMSTANCES))
    .outerjoin_from(ASSESSMENTS, ASSESSED_BY, ASSESSED_BY.c.id == ASSESSMENTS.c.assessed_by_id)
)
# An outer join is walked from its left: what is referred to is looked up, and never the way in.
GATE_ROWS: Final = (
    picked(GATE_SNAPSHOTS, ("id", "ts_utc", "pair", "strategy", "final_signal", "reason", "failed_gates", "seq"))
    .add_columns(*(GATE_SNAPSHOTS.c[name] for name in ("candle_time", *GATE_VALUES, *GATE_REASONS)))
    .add_columns(*(ASSESSMENTS.c[name] for name in (*FIGURES, *READINGS)))
    .add_columns(*(JUDGED_BY.c[name] for name in (*READING_NAMES, *GATE_LIMITS)))
    .add_columns(*(JUDGED_BY.c[name] for name in ("stream", "granularity", "params_hash", "params_version")))
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
        places = self._places(ASSESSED_BY, alike)
        rows = [_assessment_values(fact, places[key]) for fact, key in zip(facts, alike, strict=True)]
        self._add_ordered(ASSESSMENTS, rows)

    def add_gate_snapshots(self, rows: Sequence[GateSnapshotRow]) -> None:
        """Insert in bulk; version 0 of the parameters is written as NULL."""
        alike = [_judged_by(row) for row in rows]
        places = self._places(JUDGED_BY, alike)
        values = [_gate_values(row, places[key]) for row, key in zip(rows, alike, strict=True)]
        self._add_ordered(GATE_SNAPSHOTS, values)

    def _places(self, table: Table, alike: Iterable[_Alike]) -> Mapping[_Alike, int]:
        """Return the ids of what rows have alike, adding what is new; nobody else writes what one service refers to.

        They are looked up for every batch: another database may have been put in the place of this one.
        """
        places: dict[_Alike, int] = {}
        for key in dict.fromkeys(alike):
            place = self._same(table, key)
            if place is None:
                self._add_ordered(table, [key])
                place = self._same(table, key)
            places[key] = int(place)
        return places

    def _same(self, table: Table, key: _Alike) -> Any:
        # Straight to the driver, as rows are written: this is asked for every candle of a live run.
        return self._connection.exec_driver_sql(self._inserts[table.name].same, key).scalar()

    def _gate_rows(self, query: Select[Any]) -> list[GateSnapshotRow]:
        return [_gate_row(row) for row in self._connection.execute(query)]


def _assessed_by(fact: CandleAssessed) -> _Alike:
    closed = fact.closed
    return (
        closed.stream,
        closed.pair,
        NAME_BY_SECONDS[closed.granularity_seconds],
        fact.strategy,
        fact.params_hash,
        fact.params_version or None,
    )


def _judged_by(row: GateSnapshotRow) -> _Alike:
    names = tuple(row.indicators)[len(FIGURES) :]
    version = row.params_version or None
    return (
        *(row.stream, row.pair, NAME_BY_SECONDS[row.granularity_seconds], row.strategy, row.params_hash, version),
        *row.verdicts.limits,
        *names,
        *_UNNAMED[len(names) :],
    )


def _assessment_values(fact: CandleAssessed, assessed_by_id: int) -> tuple[object, ...]:
    closed, assessment = fact.closed, fact.assessment
    digits, seq = closed.digits, closed.seq
    return (
        seq,
        None if closed.previous_seq == seq - 1 else closed.previous_seq,
        assessed_by_id,
        format_time(closed.candle.time),
        *[format_fixed(price, digits) for price in closed.candle.prices],
        closed.candle.volume,
        format_day(fact.trading_day),
        _WRITTEN_REASONS[assessment.session],
        _WRITTEN_REASONS[assessment.spread],
        _WRITTEN_REASONS[assessment.news],
        _WRITTEN_REASONS[assessment.market_state_verdict],
        SIDE_NAMES[assessment.signal],
        MARKET_STATE_NAMES[assessment.market_state],
        assessment.spread_points,
        _valid(assessment.atr),
        _valid(assessment.atr_median),
        _valid(assessment.adx),
        *map(_valid, assessment.readings),
        *(fact.news or _NO_NEWS),
    )


def _valid(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None


def _assessed(row: Row[Any]) -> CandleAssessed:
    values = tuple(row)
    seq, previous_seq, candle_time, trading_day, signal, market_state, spread_points, volume = values[:8]
    prices, reasons, figures, news = values[8:16], values[16:20], values[20:29], values[29:32]
    stream, pair, granularity_seconds, strategy, params_hash, params_version = values[32:]
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
    # The same NaN as that of the codec, so that a fact equals the message about it.
    atr, atr_median, adx, *readings = [math.nan if figure is None else figure for figure in figures]
    session, spread, news_reason, market_state_reason = _reasons(reasons, ASSESSMENTS, seq, MARKET_REASONS)
    assessment = Assessment(
        session=session,
        spread=spread,
        news=news_reason,
        market_state_verdict=market_state_reason,
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
        news=None if news == _NO_NEWS else NewsEvent._make(news),
        params_version=params_version or 0,
    )


def _gate_values(row: GateSnapshotRow, judged_by_id: int) -> tuple[object, ...]:
    return (
        format_time(row.time),
        row.pair,
        row.strategy,
        SIDE_NAMES[row.final_signal],
        REASON_NAMES[row.reason],
        row.failed_gates,
        row.seq,
        format_time(row.candle_time),
        judged_by_id,
        *row.verdicts.values,
        *[_WRITTEN_REASONS[reason] for reason in row.verdicts.reasons],
    )


def _gate_row(row: Row[Any]) -> GateSnapshotRow:
    found = tuple(row)
    place, time, pair, strategy, final_signal, reason, failed_gates, seq, candle_time = found[:9]
    values, reasons, figures, names, limits = found[9:16], found[16:23], found[23:32], found[32:38], found[38:45]
    stream, granularity_seconds, params_hash, params_version = found[45:]
    if params_hash is None:
        raise _unknown(GATE_SNAPSHOTS, place, "judged_by_id")
    indicators = dict(zip((*FIGURES, *names), figures, strict=True))
    indicators.pop(None, None)
    return GateSnapshotRow(
        time=time,
        pair=pair,
        strategy=strategy,
        final_signal=read_name(SIDE_OF_NAME, final_signal, GATE_SNAPSHOTS, place, "final_signal"),
        reason=read_name(REASON_OF_NAME, reason, GATE_SNAPSHOTS, place, "reason"),
        failed_gates=failed_gates,
        stream=stream,
        seq=seq,
        granularity_seconds=granularity_seconds,
        candle_time=candle_time,
        verdicts=Verdicts(_reasons(reasons, GATE_SNAPSHOTS, place, GATE_REASONS), values, limits),
        indicators=indicators,
        params_hash=params_hash,
        params_version=params_version or 0,
    )


def _reasons(names: Sequence[str | None], table: Table, row: object, columns: Sequence[str]) -> tuple[Reason, ...]:
    return tuple(
        [
            PASSED if name is None else read_name(REASON_OF_NAME, name, table, row, column)
            for name, column in zip(names, columns, strict=True)
        ]
    )


def _unknown(table: Table, row: object, column: str) -> InvariantError:
    return InvariantError(f"table {table.name}, row {row}, column {column}: there is no such row")
