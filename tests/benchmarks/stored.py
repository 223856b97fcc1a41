"""Measure what must not depend on how much a database holds: `python -m tests.benchmarks.stored [CANDLES ...]`.

For each database and number of stored candles: `/api/status`, the verbs `status` and `why`, and a restart, from opening
the database to the first new candles in the ledger. All sizes take turns, and of each the fastest of some rounds
counts, since other programs only ever slow one down.
"""

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, redirect_stdout
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import text

from services.cli.ledger.job import status
from services.cli.options import AtDatabase
from services.cli.why.job import why
from services.executor.build import Outside
from services.ingest.demo.market import DemoMarket
from services.ingest.feed import unstored
from services.platform.platform import Platform, opened_store
from shared.contracts.instruments import instrument
from shared.contracts.runs import RunMode
from shared.contracts.times import format_time
from shared.core.columns import CandleSeries
from shared.runtime.remembered import begin_run
from shared.runtime.streams import ALL_ASSESSED
from shared.settings.settings import Settings
from shared.store.engine import database_url, open_engine, sqlite_url, writing
from shared.store.schema import upgrade
from shared.store.sql_store import open_store
from tests.contract.builders import M5
from tests.fixtures.api import running
from tests.fixtures.filled_store import PAIRS, Sizes, fill
from tests.servers.choice import open_postgres_server
from tests.servers.errors import ServerError, UnavailableError
from tests.tools.make_sample import first_candles

_FEW: Final = 10_000
_MANY: Final = 1_000_000
_ROUNDS: Final = 60
# Later than all candles that a store is filled with.
_START: Final = 1_767_564_000
TRADED: Final = 120
_SEED: Final = 7
_TOLERANCE: Final = 0.10


class Subject(NamedTuple):
    """A filled database: how it is called, how many candles it was filled with, and where it is."""

    kind: str
    candles: int
    url: str


class Actions(NamedTuple):
    """What is measured on a subject, each by name."""

    subject: Subject
    by_name: dict[str, Callable[[], object]]


class Market:
    """The candles that follow those of the stores: what a file holds once so many closes have come."""

    def __init__(self) -> None:
        """Make more than are needed."""
        markets = [DemoMarket(instrument(pair), _SEED, _START) for pair in PAIRS]
        self._series = [first_candles(market, 2 * (TRADED + _ROUNDS)) for market in markets]

    def file(self, closes: int) -> list[CandleSeries]:
        """Return the candles of all pairs up to a close."""
        return [each.part(each.time < _START + closes * M5) for each in self._series]


def restart(url: str, files: Sequence[CandleSeries]) -> None:
    """Open the database, take up what is stored, and trade what files have beyond it."""
    outside = Outside("benchmark", time.time)
    with opened_store(url) as store:
        begin_run(store, Settings(), None, RunMode.OFFLINE, 0)
        with store.reading() as reader:
            arrivals = unstored(reader, files)
        Platform(store, Settings(), RunMode.OFFLINE, None, outside).replay(arrivals, lambda _done: None)


def prepare(subject: Subject, market: Market) -> None:
    """Fill an empty database and trade some candles more, so that it holds all that a run leaves."""
    upgrade(subject.url)
    fill(subject.url, Sizes.for_candles(subject.candles))
    engine = open_engine(database_url(subject.url), statement_timeout_seconds=0)
    with writing(engine).begin() as connection:
        # The run has an account of its own; what it finds is history to it.
        connection.execute(text("UPDATE account_events SET stream = 'executor.before'"))
    engine.dispose()
    with closing(open_store(subject.url)) as store, store.transaction() as transaction:
        transaction.save_cursor("strategy", "candles.0", subject.candles)
        transaction.save_cursor("executor", ALL_ASSESSED, subject.candles)
    restart(subject.url, market.file(TRADED))


@contextmanager
def actions(subject: Subject, market: Market) -> Iterator[Actions]:
    """Return what is measured on a database, with an API that runs on it."""
    where, turns = AtDatabase(database=subject.url), iter(range(TRADED + 1, TRADED + 1 + _ROUNDS))
    newest = format_time(int(market.file(TRADED)[0].time[-1]))
    with closing(open_store(subject.url)) as store, running(store) as api:
        headers = api.sign_in("admin", idle_seconds=7_200).headers
        yield Actions(
            subject,
            {
                "/api/status": lambda: api.client.get("/api/status", headers=headers).raise_for_status(),
                "status": lambda: status(where, as_json=True),
                "why": lambda: why(where, PAIRS[0], time=newest, as_json=True),
                "restart": lambda: restart(subject.url, market.file(next(turns))),
            },
        )


def measure(subjects: Sequence[Subject], market: Market) -> dict[tuple[str, str], dict[int, float]]:
    """Return the fastest milliseconds of each action by database and name, for each number of candles."""
    found: dict[tuple[str, str], dict[int, float]] = {}
    with ExitStack() as stack:
        measured = [stack.enter_context(actions(subject, market)) for subject in subjects]
        for round_ in range(_ROUNDS):
            # Who comes first changes from round to round.
            for subject, by_name in measured[:: 1 if round_ % 2 else -1]:
                for name, act in by_name.items():
                    with redirect_stdout(io.StringIO()):
                        began = time.perf_counter()
                        act()
                        taken = 1_000 * (time.perf_counter() - began)
                    times = found.setdefault((subject.kind, name), {})
                    times[subject.candles] = min(taken, times.get(subject.candles, taken))
    return found


def table(found: dict[tuple[str, str], dict[int, float]], sizes: Sequence[int]) -> list[str]:
    """Return the lines of a table: milliseconds, and how they grow from the first size to the last."""
    lines = [" | ".join(["database", "question", *(f"{size:,} candles, ms" for size in sizes), "ratio"])]
    for (kind, name), times in found.items():
        figures = [f"{times[size]:.2f}" for size in sizes]
        lines.append(" | ".join([kind, name, *figures, f"{times[sizes[-1]] / times[sizes[0]]:.2f}"]))
    return lines


def main(arguments: Sequence[str]) -> None:
    """Print the table; exit with 1 where something takes over a tenth longer in the largest database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("candles", nargs="*", type=int, default=[_FEW, _MANY])
    parser.add_argument("--only", choices=("SQLite", "PostgreSQL"), help="leave out the other database")
    asked = parser.parse_args(arguments)
    sizes = asked.candles
    market = Market()
    try:
        with tempfile.TemporaryDirectory() as folder, open_postgres_server("local") as postgres:
            files = [Subject("SQLite", size, sqlite_url(Path(folder) / f"{size}.db")) for size in sizes]
            server = [Subject("PostgreSQL", size, postgres.url(postgres.new_database())) for size in sizes]
            kinds = {"SQLite": files, "PostgreSQL": server}
            chosen = [kinds[asked.only]] if asked.only else [*kinds.values()]
            for subject in (each for subjects in chosen for each in subjects):
                began = time.perf_counter()
                prepare(subject, market)
                print(
                    f"{subject.kind} with {subject.candles:,} in {time.perf_counter() - began:.0f} s", file=sys.stderr
                )
            found = {key: times for subjects in chosen for key, times in measure(subjects, market).items()}
    except (UnavailableError, ServerError) as reason:
        sys.exit(f"a private server cannot run here: {reason}")
    print("\n".join(table(found, sizes)))
    slower = [key for key, times in found.items() if times[sizes[-1]] > (1 + _TOLERANCE) * times[sizes[0]]]
    if slower:
        sys.exit(f"these take longer in a larger database: {slower}")


if __name__ == "__main__":
    main(sys.argv[1:])
