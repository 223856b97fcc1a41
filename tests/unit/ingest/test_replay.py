"""Replaying candles: never far ahead of those who trade them, and one question for many candles that are stored."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, event

from services.ingest import replay as replaying
from services.ingest.feed import Arrival, CandleFeed
from services.ingest.metrics import ReplayMetrics
from services.ingest.replay import replay
from shared.bus.in_process import InProcessBus
from shared.contracts.errors import InputError
from shared.core.types import Candle
from shared.runtime.health import Health
from shared.runtime.logs import service_log
from shared.runtime.metrics import ServiceMetrics
from shared.runtime.outgoing import DirectOutgoing
from shared.runtime.process import Process
from shared.runtime.streams import ALL_ASSESSED, candles_not_traded
from shared.store.port import Store
from shared.store.sql_store import open_store
from tests.contract.builders import M5, MIDNIGHT, a_candle
from tests.fixtures.new_store import new_sqlite

PAIRS: Final = ("EUR_USD", "GBP_USD")


@pytest.fixture(name="store")
def store_(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(new_sqlite(tmp_path / "replay.db"))) as store:
        yield store


def arrivals(count: int) -> list[Arrival]:
    candles = [a_candle(seq).candle for seq in range(1, count + 1)]
    return [Arrival(pair, M5, 5, candle) for candle in candles for pair in PAIRS]


def a_feed(store: Store) -> CandleFeed:
    return CandleFeed(store, DirectOutgoing(InProcessBus(max_batch=500)))


class Consumers:
    """Those who trade the candles, while ingest sleeps: a hundred candles in every nap."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.farthest = 0
        self.naps = 0

    def sleep(self, _seconds: float) -> None:
        self.naps += 1
        with self.store.transaction() as transaction:
            behind = candles_not_traded(transaction)
            self.farthest = max(self.farthest, behind)
            settled = transaction.candle_count() - behind
            transaction.save_cursor("executor", ALL_ASSESSED, settled + min(behind, 100))


def test_ingest_waits_for_those_who_trade_the_candles_and_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Nothing waits in the outbox: the broker takes all, and its queues would grow.
    monkeypatch.setattr(replaying, "_MOST_NOT_TRADED", 700)
    consumers = Consumers(store)
    metrics = ServiceMetrics("ingest", "0")
    process = Process(
        "ingest",
        "ingest.1",
        Health(metrics),
        metrics,
        service_log("ingest", "ingest.1"),
        stopped=lambda: False,
        sleep=consumers.sleep,
    )
    attended: list[int] = []
    done = replay(process, store, a_feed(store), arrivals(1_500), 0.0, lambda: attended.append(1))
    assert done == 3_000
    assert 700 < consumers.farthest <= 700 + 500
    assert len(attended) == consumers.naps > 10
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    waiting = [line for line in lines if line["event"] == "waiting for those who trade the candles"]
    assert waiting
    assert len(waiting) <= 6, "once for each time that it waits"
    assert waiting[0]["not_traded"] > 700
    assert 0 < metrics.of(ReplayMetrics).not_traded._value.get() <= 700


def test_candles_that_are_stored_already_are_asked_for_together(store: Store) -> None:
    feed, both = a_feed(store), arrivals(100)
    assert feed.add(both) == 200
    asked: list[str] = []

    def note(_1: object, _2: object, statement: str, *_others: Any) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert feed.add(both) == 0
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len([statement for statement in asked if "FROM candles" in statement]) <= 1 + len(PAIRS)


def test_one_of_many_stored_candles_that_differs_is_named(store: Store) -> None:
    feed, both = a_feed(store), arrivals(100)
    feed.add(both)
    other = Candle(*both[7].candle._replace(bid_high=138_699))
    with pytest.raises(InputError, match=r"the GBP_USD candle of 2014-05-08T00:15:00Z comes too late"):
        feed.add([*both[:7], both[7]._replace(candle=other), *both[8:]])
    assert both[7].candle.time == MIDNIGHT + 3 * M5
