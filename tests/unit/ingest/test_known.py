"""Continuing a database with candle files: what is stored is vouched for by a hash, or read a few at a time."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from sqlalchemy import Engine, event

from services.ingest import feed as feeding
from services.ingest.feed import Arrival, CandleFeed, unstored
from services.ingest.known import all_known, first_known
from shared.bus.in_process import InProcessBus
from shared.contracts.errors import InputError
from shared.contracts.instruments import instrument
from shared.core.columns import CandleSeries
from shared.runtime.outgoing import DirectOutgoing
from shared.store.port import Store
from shared.store.sql_store import open_store
from tests.contract.builders import M5, a_candle
from tests.fixtures.new_store import new_sqlite

PAIR: Final = "EUR_USD"
COUNT: Final = 400


@pytest.fixture(name="store")
def store_(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(new_sqlite(tmp_path / "known.db"))) as store:
        yield store


def series_of(first: int, last: int) -> CandleSeries:
    """Return the candles from one number to another, both counted."""
    rows = [a_candle(seq).candle for seq in range(first, last + 1)]
    columns = [
        np.array(column, np.float64 if place == 9 else np.int64) for place, column in enumerate(zip(*rows, strict=True))
    ]
    return CandleSeries._make((instrument(PAIR), M5, *columns))


def arrivals(series: CandleSeries) -> list[Arrival]:
    return [Arrival(PAIR, M5, 5, candle) for candle in series.candles()]


def a_feed(store: Store) -> CandleFeed:
    return CandleFeed(store, DirectOutgoing(InProcessBus(max_batch=500)))


def fill(store: Store, first: int, last: int, batch: int = 150) -> None:
    feed, waiting = a_feed(store), arrivals(series_of(first, last))
    for place in range(0, len(waiting), batch):
        feed.add(waiting[place : place + batch])


class Asked:
    """What the database was asked for while this is entered."""

    def __init__(self) -> None:
        self.ranges = 0

    def __enter__(self) -> "Asked":
        event.listen(Engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(Engine, "before_cursor_execute", self._note)

    def _note(self, _1: object, _2: object, statement: str, *_others: Any) -> None:
        self.ranges += "candles.time >= " in statement


def left_of(store: Store, series: CandleSeries) -> tuple[list[Arrival], int]:
    with store.reading() as reader, Asked() as asked:
        return unstored(reader, [series]), asked.ranges


def test_no_stored_candle_is_read_where_the_file_begins_with_them(store: Store) -> None:
    fill(store, 1, COUNT)
    assert left_of(store, series_of(1, COUNT)) == ([], 0)
    assert left_of(store, series_of(1, COUNT + 7)) == (arrivals(series_of(COUNT + 1, COUNT + 7)), 0)


def test_the_hash_goes_on_in_other_processes_and_batches(store: Store, tmp_path: Path) -> None:
    fill(store, 1, 200, batch=30)
    fill(store, 201, COUNT, batch=170)
    with store.reading() as reader:
        assert all_known(reader) == {PAIR: first_known(M5, [a_candle(seq).candle for seq in range(1, COUNT + 1)])}
    assert left_of(store, series_of(1, COUNT + 1))[1] == 0


def test_stored_candles_that_no_hash_vouches_for_are_read_a_few_at_a_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "_COMPARED_TOGETHER", 100)
    # As they are in a database of before, or where somebody adds candles in another way.
    with store.transaction() as transaction:
        transaction.add_candles([a_candle(seq) for seq in range(1, COUNT + 1)])
    assert left_of(store, series_of(1, COUNT + 7)) == (arrivals(series_of(COUNT + 1, COUNT + 7)), 5)
    fill(store, COUNT + 1, COUNT + 7)
    assert left_of(store, series_of(1, COUNT + 8)) == (arrivals(series_of(COUNT + 8, COUNT + 8)), 5)


@pytest.mark.parametrize(
    ("first", "last", "new"),
    [
        (1, COUNT - 50, []),
        (50, COUNT, []),
        (50, COUNT + 3, [COUNT + 1, COUNT + 2, COUNT + 3]),
        (COUNT + 1, COUNT + 2, [COUNT + 1, COUNT + 2]),
        (COUNT + 5, COUNT + 6, [COUNT + 5, COUNT + 6]),
    ],
    ids=["ends sooner", "begins later", "begins later and goes on", "goes on", "leaves a gap"],
)
def test_files_of_any_span_are_continued(store: Store, first: int, last: int, new: list[int]) -> None:
    fill(store, 1, COUNT)
    assert left_of(store, series_of(first, last))[0] == [Arrival(PAIR, M5, 5, a_candle(seq).candle) for seq in new]


@pytest.mark.parametrize("column", ["bid_high", "volume"])
def test_a_stored_candle_that_the_file_has_otherwise_is_named(store: Store, column: str) -> None:
    fill(store, 1, COUNT)
    series = series_of(1, COUNT + 1)
    changed = getattr(series, column).copy()
    changed[3] += 1
    with pytest.raises(InputError, match="the EUR_USD candle of 2014-05-08T00:15:00Z is stored with"):
        left_of(store, series._replace(**{column: changed}))


def test_a_candle_in_front_of_stored_ones_is_refused(store: Store) -> None:
    fill(store, 2, COUNT)
    with pytest.raises(InputError, match="is older than candles that this database has already traded"):
        left_of(store, series_of(1, COUNT))


def test_what_is_known_goes_with_the_transaction_that_fails(store: Store) -> None:
    feed = a_feed(store)
    feed.add(arrivals(series_of(1, 10)))

    def dies(_place: str) -> None:
        raise OSError("the disk is full")

    broken = CandleFeed(store, DirectOutgoing(InProcessBus(max_batch=500)), crash=dies)
    with pytest.raises(OSError, match="full"):
        broken.add(arrivals(series_of(11, 20)))
    fill(store, 11, 30)
    feed.add(arrivals(series_of(31, 40)))
    assert left_of(store, series_of(1, 41)) == (arrivals(series_of(41, 41)), 0)
