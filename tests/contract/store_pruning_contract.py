"""What every store must do with rows that are old."""

from collections.abc import Iterator

import pytest

from shared.store.port import Store
from shared.store.rows.ledger import EquityRow
from shared.store.rows.market import CandleGapRow
from shared.store.rows.pruning import Old, Prunable
from shared.store.sql_store import open_store
from tests.contract.builders import M5, MIDNIGHT, a_candle, a_gate_snapshot, an_assessment

CANDLES = 10
# The last candle of a pair that is not traded any more.
STOPPED = 3


@pytest.fixture(name="filled")
def filled_(url: str) -> Iterator[Store]:
    store = open_store(url)
    with store.transaction() as transaction:
        pairs = {seq: "USD_JPY" if seq == STOPPED else "EUR_USD" for seq in range(1, CANDLES + 1)}
        transaction.add_candles([a_candle(seq, pair=pair) for seq, pair in pairs.items()])
        judged = [an_assessment(seq, closed=a_candle(seq, pair=pair)) for seq, pair in pairs.items()]
        transaction.add_assessments(judged)
        transaction.add_gate_snapshots([a_gate_snapshot(seq, pair=pair) for seq, pair in pairs.items()])
        transaction.add_equity([EquityRow(seq=seq, time=MIDNIGHT, balance=1, equity=1) for seq in (1, 1, 4, 9)])
        gap = CandleGapRow(
            pair="EUR_USD",
            granularity_seconds=M5,
            from_time=MIDNIGHT,
            to_time=MIDNIGHT + M5,
            missing_candles=1,
            kind="outage",
        )
        later = gap._replace(from_time=MIDNIGHT + 5 * M5, to_time=MIDNIGHT + 6 * M5)
        transaction.add_gaps([gap, later])
    yield store
    store.close()


class PruningStoreContract:
    """Tests for a store; a subclass gives the fixture `url`."""

    @pytest.mark.parametrize(("time", "seq"), [(0, 0), (1, 1), (M5, 1), (5 * M5, 5), (99 * M5, CANDLES)])
    def test_the_place_before_a_time_is_that_of_the_last_candle_opened_before_it(
        self, filled: Store, time: int, seq: int
    ) -> None:
        with filled.reading() as reader:
            assert reader.last_seq_before(MIDNIGHT + time) == seq

    @pytest.mark.parametrize(
        ("table", "left"),
        [
            (Prunable.CANDLES, [STOPPED, 7, 8, 9, 10]),
            (Prunable.ASSESSMENTS, [STOPPED, 7, 8, 9, 10]),
            (Prunable.GATE_SNAPSHOTS, [STOPPED, 7, 8, 9, 10]),
            (Prunable.EQUITY, [9]),
        ],
    )
    def test_old_rows_go_oldest_first_and_the_newest_of_each_pair_stays(
        self, filled: Store, table: Prunable, left: list[int]
    ) -> None:
        old = Old(table, 6, MIDNIGHT)
        with filled.reading() as reader:
            count = reader.count_old(old)
        with filled.transaction() as transaction:
            assert transaction.delete_old(old, 2) == 2
        with filled.transaction() as transaction:
            assert transaction.delete_old(old, 100) == count - 2
            assert transaction.delete_old(old, 100) == 0
        with filled.reading() as reader:
            rows = {
                Prunable.CANDLES: [row.seq for row in reader.candles_in_order()],
                Prunable.ASSESSMENTS: [row.seq for row in reader.assessments_after(0, 100)],
                Prunable.GATE_SNAPSHOTS: [row.seq for row in reader.gate_snapshots_after(0, 100)],
                Prunable.EQUITY: [row.seq for row in reader.equity_in_order()],
            }
            assert reader.count_old(old) == 0
        assert rows[table] == left
        assert all(len(each) > len(left) for name, each in rows.items() if name not in (table, Prunable.EQUITY))

    def test_gaps_are_old_when_they_ended_before_a_time(self, filled: Store) -> None:
        with filled.transaction() as transaction:
            assert transaction.delete_old(Old(Prunable.CANDLE_GAPS, 0, MIDNIGHT + M5), 10) == 0
            assert transaction.delete_old(Old(Prunable.CANDLE_GAPS, 0, MIDNIGHT + M5 + 1), 10) == 1
            assert [gap.from_time for gap in transaction.gaps(10)] == [MIDNIGHT + 5 * M5]

    def test_candles_are_read_in_order_after_a_place(self, filled: Store) -> None:
        with filled.reading() as reader:
            assert [row.seq for row in reader.candles_in_order(2, after=7)] == [8, 9, 10]
