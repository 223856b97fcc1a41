"""How the databases find the rows of long lists, with as many rows as make their planners choose."""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, event

from shared.store.engine import database_url, open_engine
from shared.store.port import Reader
from shared.store.rows.commands import CommandFilter
from shared.store.rows.listing import Span
from shared.store.sql_store import open_store
from tests.fixtures.api_stores import url
from tests.fixtures.filled_store import FIRST_DAY, PAIRS, Sizes, fill, time_of

__all__ = ["url"]

SIZES: Final = Sizes.for_candles(20_000)
ANY: Final = CommandFilter(None, None)


class Listed(NamedTuple):
    """A list, how it is asked for, and how many rows there are to choose from."""

    ask: Callable[[Reader, Span], Sequence[Any]]
    rows: int


LISTS: Final = {
    "candles": Listed(lambda reader, span: reader.list_candles(PAIRS[0], 300, span), SIZES.candles),
    "gates": Listed(lambda reader, span: reader.list_gates(span), SIZES.gate_snapshots),
    "gates of a pair": Listed(lambda reader, span: reader.list_gates(span, PAIRS[1]), SIZES.gate_snapshots),
    "trades": Listed(lambda reader, span: reader.list_trades(span), SIZES.trades),
    "trades of a pair": Listed(lambda reader, span: reader.list_trades(span, PAIRS[1]), SIZES.trades),
    "equity": Listed(lambda reader, span: reader.list_equity(span), SIZES.equity),
    "audit": Listed(lambda reader, span: reader.list_audit(span), SIZES.audit_log),
}
# Pages of a hundred rows: the first, one far down, and both within a time.
DAYS: Final = [
    Span(100),
    Span(100, (FIRST_DAY + 500, 0)),
    Span(100, None, FIRST_DAY + 300, FIRST_DAY + 600),
    Span(100, (FIRST_DAY + 500, 0), FIRST_DAY + 300, FIRST_DAY + 600),
]


def spans(rows: int) -> list[Span]:
    place, start, end = (time_of(rows // 2), rows // 2), time_of(rows // 4), time_of(rows * 3 // 4)
    return [Span(100), Span(100, place), Span(100, None, start, end), Span(100, place, start, end)]


def asked_for(url: str) -> list[tuple[str, Any]]:
    """Return what the store asks the database for every page of every list; each has rows."""
    asked: list[tuple[str, Any]] = []

    def note(_1: object, _2: object, statement: str, parameters: Any, _4: object, _5: object) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    with closing(open_store(url)) as store, store.reading() as reader:
        event.listen(Engine, "before_cursor_execute", note)
        try:
            for name, listed in LISTS.items():
                for span in spans(listed.rows):
                    assert listed.ask(reader, span), (name, span)
            for span in DAYS:
                assert reader.list_days(span), span
            assert reader.list_commands(Span(100), ANY)
            assert reader.list_commands(Span(100, (0, SIZES.commands // 2)), ANY)
            assert reader.events_after(SIZES.account_events // 2, 100)
            assert reader.newest_event_id()
        finally:
            event.remove(Engine, "before_cursor_execute", note)
    return asked


def plan_of(connection: Connection, statement: str, parameters: Any) -> list[str]:
    if connection.dialect.name == "sqlite":
        return [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    return [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]


def flaws(plan: list[str], statement: str) -> list[str]:
    """Return the lines of a plan that read a whole table; PostgreSQL may sort the few rows of a short time."""
    # Where the order is that of its key, SQLite names no index and stops at the limit.
    by_key = "ORDER BY commands.id" in statement or "ORDER BY account_events.id" in statement
    found = []
    for line in plan:
        node = line.strip().removeprefix("->  ")
        if " judged_by" in node:
            # What is judged by changes with the parameters alone: there are a handful of rows.
            continue
        whole = node.startswith("SCAN") and "USING" not in node and not by_key
        if whole or node.startswith(("Seq Scan", "Parallel Seq Scan", "USE TEMP B-TREE FOR ORDER BY")):
            found.append(line)
    return found


def test_no_list_reads_a_whole_table(url: str) -> None:
    fill(url, SIZES)
    asked = asked_for(url)
    assert len(asked) >= len(LISTS) * 4 + len(DAYS) + 4
    engine = open_engine(database_url(url))
    with engine.begin() as connection:
        plans = [(statement, plan_of(connection, statement, parameters)) for statement, parameters in asked]
    engine.dispose()
    for statement, plan in plans:
        assert flaws(plan, statement) == [], "\n".join([statement, *plan])
