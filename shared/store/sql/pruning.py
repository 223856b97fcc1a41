"""Old rows in the store."""

from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Select, Table, and_, delete, func, select

from shared.store.rows.pruning import Old, Prunable
from shared.store.sql.market import MarketSession
from shared.store.tables.judged import ASSESSMENTS, GATE_SNAPSHOTS
from shared.store.tables.ledger import EQUITY
from shared.store.tables.market import CANDLE_GAPS, CANDLES

# The table, and the key that is in the order of its rows.
_TABLES: Final[dict[Prunable, tuple[Table, Column[Any]]]] = {
    Prunable.CANDLES: (CANDLES, CANDLES.c.seq),
    Prunable.ASSESSMENTS: (ASSESSMENTS, ASSESSMENTS.c.seq),
    Prunable.GATE_SNAPSHOTS: (GATE_SNAPSHOTS, GATE_SNAPSHOTS.c.seq),
    Prunable.EQUITY: (EQUITY, EQUITY.c.id),
    Prunable.CANDLE_GAPS: (CANDLE_GAPS, CANDLE_GAPS.c.id),
}


class PruneSession(MarketSession):
    """Find and delete old rows."""

    def last_seq_before(self, time: int) -> int:
        """Look each pair's first candle from the time on up in the unique index; the lowest place is the end."""
        newest = select(func.max(CANDLES.c.seq))
        end = (self._connection.execute(newest).scalar() or 0) + 1
        for kind in self.newest_candles():
            first = select(CANDLES.c.seq).where(
                CANDLES.c.pair == kind.pair, CANDLES.c.granularity == kind.granularity_seconds, CANDLES.c.time >= time
            )
            end = min(end, self._connection.execute(first.order_by(CANDLES.c.time).limit(1)).scalar() or end)
        return end - 1

    def count_old(self, old: Old) -> int:
        """Count by the index of the key where there is one."""
        table, _ = _TABLES[old.table]
        return self._connection.execute(select(func.count()).select_from(table).where(self._is_old(old))).scalar() or 0

    def delete_old(self, old: Old, limit: int) -> int:
        """Walk the key upwards to find them, then delete by it."""
        table, key = _TABLES[old.table]
        oldest: Select[Any] = select(key).where(self._is_old(old)).order_by(key).limit(limit)
        return self._connection.execute(delete(table).where(key.in_(oldest.scalar_subquery()))).rowcount

    def _is_old(self, old: Old) -> ColumnElement[bool]:
        table, _ = _TABLES[old.table]
        if old.table is Prunable.CANDLE_GAPS:
            return table.c.to_time < old.time
        if old.table is Prunable.EQUITY:
            return table.c.seq <= old.seq
        # A pair's newest candle tells how its prices are counted, how it was judged, and where its next one may be.
        return and_(table.c.seq <= old.seq, table.c.seq.not_in(self._newest_places(old.seq)))

    def _newest_places(self, seq: int) -> list[int]:
        places = []
        for kind in self.newest_candles():
            (row,) = self.candles_between(kind.pair, kind.granularity_seconds, kind.time, kind.time + 1)
            places += [row.seq] if row.seq <= seq else []
        return places
