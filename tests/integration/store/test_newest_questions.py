"""What is asked for again and again costs no more in a database that has grown: counted in steps and rows."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, event

from shared.store.engine import database_url, open_engine
from shared.store.port import Reader
from shared.store.rows.listing import NewestCandle
from shared.store.sql_store import open_store
from tests.contract.builders import MIDNIGHT, a_gap, an_outgoing
from tests.fixtures.filled_store import PAIRS, Sizes, fill, time_of
from tests.fixtures.new_store import new_sqlite

FEW: Final = 1_000
MANY: Final = 20_000
EMPTY_STREAM: Final = "candles.7"
LAST: Final = time_of(MANY)

QUESTIONS: Final[dict[str, Callable[[Reader], Any]]] = {
    "newest candles": lambda reader: reader.newest_candles(),
    "newest candle times": lambda reader: reader.last_candle_times(300),
    "granularities": lambda reader: reader.granularities(),
    "number of candles": lambda reader: reader.candle_count(),
    "last candle": lambda reader: reader.last_candle(),
    "last candle of a stream": lambda reader: reader.last_candle_seq("candles.0"),
    "last candle of an empty stream": lambda reader: reader.last_candle_seq(EMPTY_STREAM),
    "next candles of an empty stream": lambda reader: reader.candles_after(EMPTY_STREAM, 0, 500),
    "newest judged candles": lambda reader: reader.gate_snapshots(5),
    "newest judged candles of a pair": lambda reader: reader.gate_snapshots(5, PAIRS[1]),
    "a judged candle": lambda reader: reader.gate_snapshots_at(PAIRS[1], MIDNIGHT + 300),
    "newest trades": lambda reader: reader.trades(5),
    "newest trades of a pair": lambda reader: reader.trades(5, PAIRS[1]),
    "trade of a signal": lambda reader: reader.trade_of_signal(PAIRS[1], LAST),
    "newest events": lambda reader: reader.account_events(1),
    "events of a candle": lambda reader: reader.account_events_of("candles.0", 7),
    "newest equity": lambda reader: reader.equity(1),
    "newest days": lambda reader: reader.daily_stats(1),
    "newest gap": lambda reader: reader.gaps(1),
    "newest gap of a pair": lambda reader: reader.gaps(1, PAIRS[1]),
    "newest audit records": lambda reader: reader.audit(1),
    "holds": lambda reader: reader.holds(),
    "waiting commands": lambda reader: reader.backlog(),
    "messages of a partition": lambda reader: reader.unsent_outbox(500, "strategy", "assessed.0"),
    "number of a producer's messages": lambda reader: reader.outbox_count("strategy"),
}


def filled(url: str, candles: int) -> str:
    fill(url, Sizes.for_candles(candles))
    others = [an_outgoing(seq, message_id=f"other {seq}", producer="ingest") for seq in range(1, candles // 5)]
    with closing(open_store(url)) as store, store.transaction() as transaction:
        transaction.stage_outbox(others)
        transaction.add_gaps([a_gap(time_of(number * 5), PAIRS[number % len(PAIRS)]) for number in range(candles // 5)])
    return url


def steps(url: str) -> dict[str, int]:
    """Return how many instructions of SQLite's machine each answer takes."""
    taken: dict[str, int] = {}
    count = [0]

    def tick() -> int:
        count[0] += 1
        return 0

    def watch(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_progress_handler(tick, 1)

    event.listen(Engine, "connect", watch)
    try:
        with closing(open_store(url)) as store, store.reading() as reader:
            for name, ask in QUESTIONS.items():
                count[0] = 0
                ask(reader)
                taken[name] = count[0]
    finally:
        event.remove(Engine, "connect", watch)
    return taken


def test_an_answer_takes_as_many_steps_among_many_rows_as_among_few(tmp_path: Path) -> None:
    few, many = (steps(filled(new_sqlite(tmp_path / f"{size}.db"), size)) for size in (FEW, MANY))
    grown = {name: (few[name], count) for name, count in many.items() if count > few[name] + 20}
    assert grown == {}
    assert all(count > 0 for count in few.values())


def read_rows(node: dict[str, Any]) -> float:
    """Return how many rows a plan and those below it have read from tables and indexes."""
    own = 0.0
    if "Scan" in node["Node Type"] and "Relation Name" in node:
        removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        own = (node["Actual Rows"] + removed) * node["Actual Loops"]
    return own + sum(read_rows(below) for below in node.get("Plans", ()))


def test_an_answer_reads_few_rows_on_postgresql(postgres_url: str) -> None:
    filled(postgres_url, MANY)
    asked: list[tuple[str, str, Any]] = []
    name = ""

    def note(_1: object, _2: object, statement: str, parameters: Any, _4: object, _5: object) -> None:
        if statement.startswith(("SELECT", "WITH")):
            asked.append((name, statement, parameters))

    with closing(open_store(postgres_url)) as store, store.reading() as reader:
        event.listen(Engine, "before_cursor_execute", note)
        try:
            for name, ask in QUESTIONS.items():  # noqa: B007  (the listener's)
                ask(reader)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
    engine = open_engine(database_url(postgres_url))
    read = dict.fromkeys(QUESTIONS, 0.0)
    with engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
        for question, statement, parameters in asked:
            explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
            answer = connection.exec_driver_sql(explained, parameters).scalar_one()
            (plan,) = json.loads(answer) if isinstance(answer, str) else answer
            read[question] += read_rows(plan["Plan"])
    engine.dispose()
    assert {question: rows for question, rows in read.items() if rows > 100} == {}


def test_the_newest_candle_of_each_pair_and_length_is_found(tmp_path: Path) -> None:
    with closing(open_store(filled(new_sqlite(tmp_path / "newest.db"), FEW))) as store, store.reading() as reader:
        newest = {PAIRS[number % len(PAIRS)]: time_of(number) for number in range(FEW + 1)}
        assert reader.newest_candles() == [NewestCandle(pair, 300, newest[pair]) for pair in sorted(PAIRS)]
        assert reader.granularities() == dict.fromkeys(sorted(PAIRS), 300)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_newest_of_a_pair_are_those_that_came_last(tmp_path: Path, pair: str) -> None:
    with closing(open_store(filled(new_sqlite(tmp_path / "pair.db"), FEW))) as store, store.reading() as reader:
        judged = [row for row in reader.gate_snapshots(FEW) if row.pair == pair]
        assert reader.gate_snapshots(5, pair) == judged[:5]
        traded = [row for row in reader.trades(FEW) if row.opening.entry.pair == pair]
        assert reader.trades(5, pair) == traded[:5]
