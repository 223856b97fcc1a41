"""Measure the lists of the API on a large store, and beside each the bare query of its rows in the same process.

Arguments: how many judged candles the store shall hold, a folder, and within how many seconds to be done.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, event

from services.api.shapes.pages import written_cursor
from shared.contracts.times import format_time
from shared.store.engine import database_url, open_engine, sqlite_url
from shared.store.schema import upgrade
from shared.store.sql_store import open_store
from tests.fixtures.api import Api, running
from tests.fixtures.filled_store import FIRST_DAY, PAIRS, Sizes, fill, time_of
from tests.servers.choice import SWITCH, open_postgres_server
from tests.servers.errors import ServerError, UnavailableError

_ROUNDS: Final = 60
_WARM_UP: Final = 3
_SECONDS_PER_DAY: Final = 86_400


class _Page(NamedTuple):
    """A page of a list: its name, its path, and the query that asks for it."""

    name: str
    path: str
    query: dict[str, Any]


def measure(candles: int, folder: Path, end: float) -> list[dict[str, Any]]:
    """Return the figures of every page on both databases; `end` is by the monotonic clock."""
    sizes = Sizes.for_candles(candles)
    found = []
    for kind, opened in (("SQLite", _sqlite), ("PostgreSQL", _postgres)):
        with opened(folder) as url:
            began = time.perf_counter()
            upgrade(url)
            fill(url, sizes)
            built = time.perf_counter() - began
            with closing(open_store(url)) as store, running(store) as api:
                headers = api.sign_in("admin", idle_seconds=7_200).headers
                for page in _pages(sizes):
                    if time.monotonic() > end:
                        raise TimeoutError(f"there is no time left for {page.name} on {kind}")
                    figures = _measured(api, url, page, headers)
                    found.append({"database": kind, "page": page.name, "built_seconds": built, **figures})
    return found


def _measured(api: Api, url: str, page: _Page, headers: dict[str, str]) -> dict[str, Any]:
    """Return percentiles of a page over HTTP, and of its bare query by the driver, in turns."""
    asked: list[tuple[str, Any]] = []

    def note(_1: object, _2: object, statement: str, parameters: Any, _4: object, _5: object) -> None:
        if statement.startswith("SELECT") and "sessions" not in statement:
            asked.append((statement, parameters))

    def ask() -> int:
        answer = api.client.get(page.path, params=page.query, headers=headers)
        answer.raise_for_status()
        return len(answer.json()["items"])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        rows = ask()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    statement, parameters = asked[-1]
    engine = open_engine(database_url(url))
    with engine.connect() as connection, connection.begin():

        def ask_bare() -> int:
            return len(connection.exec_driver_sql(statement, parameters).fetchall())

        if ask_bare() != rows:
            raise ValueError(f"{page.name}: the bare query found other rows")
        over_http, bare = _in_turns(ask, ask_bare)
    engine.dispose()
    return {
        "rows": rows,
        "p50": median(over_http),
        "p99": _p99(over_http),
        "bare_p50": median(bare),
        "bare_p99": _p99(bare),
    }


def _in_turns(*calls: Callable[[], object]) -> list[list[float]]:
    """Return the milliseconds of each call, all made in turns."""
    found: list[list[float]] = [[] for _ in calls]
    for number in range(_ROUNDS + _WARM_UP):
        for call, milliseconds in zip(calls, found, strict=True):
            began = time.perf_counter()
            call()
            if number >= _WARM_UP:
                milliseconds.append(1_000 * (time.perf_counter() - began))
    return found


def _p99(milliseconds: Sequence[float]) -> float:
    return quantiles(milliseconds, n=100)[98]


def _pages(sizes: Sizes) -> Iterator[_Page]:
    lists = {
        "gates": ("/api/gates", sizes.gate_snapshots, True),
        "candles": ("/api/candles", sizes.candles, True),
        "trades": ("/api/trades", sizes.trades, True),
        "equity": ("/api/equity", sizes.equity, False),
        "audit": ("/api/audit", sizes.audit_log, False),
    }
    for name, (path, rows, of_pairs) in lists.items():
        always = {"pair": PAIRS[0]} if name == "candles" else {}
        deep = written_cursor(time_of(rows // 2), rows // 2)
        within = {"from": format_time(time_of(rows // 4)), "to": format_time(time_of(rows // 2))}
        yield _Page(f"{name}, first page", path, always)
        yield _Page(f"{name}, far down", path, {**always, "cursor": deep})
        yield _Page(f"{name}, within a time", path, {**always, **within})
        if of_pairs and not always:
            yield _Page(f"{name}, of a pair", path, {"pair": PAIRS[1]})
            yield _Page(f"{name}, of a pair, far down", path, {"pair": PAIRS[1], "cursor": deep})
    yield _Page("days, first page", "/api/daily-stats", {})
    yield _Page("days, far down", "/api/daily-stats", {"to": format_time((FIRST_DAY + 500) * _SECONDS_PER_DAY)})
    yield _Page("commands, first page", "/api/commands", {})
    yield _Page("commands, far down", "/api/commands", {"cursor": written_cursor(0, sizes.commands // 2)})


@contextmanager
def _sqlite(folder: Path) -> Iterator[str]:
    yield sqlite_url(folder / "reads.db")


@contextmanager
def _postgres(_folder: Path) -> Iterator[str]:
    switch = os.environ.get(SWITCH, "") or ("" if find_spec("testcontainers") else "local")
    with open_postgres_server(switch) as server:
        yield server.url(server.new_database())


def main(arguments: Sequence[str]) -> None:
    """Print what was measured."""
    candles, folder, seconds = arguments
    end = time.monotonic() + float(seconds)
    try:
        print(json.dumps({"pages": measure(int(candles), Path(folder), end)}))
    except (UnavailableError, ServerError, TimeoutError) as reason:
        sys.exit(f"the lists cannot be measured here: {reason}")


if __name__ == "__main__":
    main(sys.argv[1:])
