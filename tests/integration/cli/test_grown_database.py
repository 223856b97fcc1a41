"""The verbs `status` and `why`, and a restart, do as much in a database that has grown: counted in steps of SQLite."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Engine, event

from services.cli.ledger.job import status
from services.cli.options import AtDatabase
from services.cli.why.job import why
from shared.contracts.times import format_time
from shared.store.engine import sqlite_url
from tests.benchmarks.stored import TRADED, Market, Subject, prepare, restart
from tests.fixtures.filled_store import PAIRS

FEW: Final = 1_000
MANY: Final = 20_000


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """Return a function that tells how many steps were made since it was asked before, on new connections."""
    steps = [0]

    def tick() -> int:
        steps[0] += 1
        return 0

    def watch(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_progress_handler(tick, 1)

    def taken() -> int:
        made, steps[0] = steps[0], 0
        return made

    event.listen(Engine, "connect", watch)
    try:
        yield taken
    finally:
        event.remove(Engine, "connect", watch)


def steps_of(url: str, market: Market) -> dict[str, int]:
    where, newest = AtDatabase(database=url), format_time(int(market.file(TRADED)[0].time[-1]))
    found = {}
    with counted() as taken:
        status(where, as_json=True)
        found["status"] = taken()
        why(where, PAIRS[0], time=newest, as_json=True)
        found["why"] = taken()
        restart(url, market.file(TRADED + 1))
        found["restart"] = taken()
    return found


@pytest.mark.usefixtures("capsys")
def test_status_why_and_restart_take_as_many_steps_among_many_candles_as_among_few(tmp_path: Path) -> None:
    market = Market()
    found = []
    for size in (FEW, MANY):
        subject = Subject("SQLite", size, sqlite_url(tmp_path / f"{size}.db"))
        prepare(subject, market)
        found.append(steps_of(subject.url, market))
    few, many = found
    assert many == few
    assert all(steps > 100 for steps in few.values())
