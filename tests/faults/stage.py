"""Where a fault is played: private servers, a market cut to size, and the services on them as processes."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import psycopg

from shared.bus.topology import topology
from shared.contracts.errors import InfrastructureError
from shared.contracts.shown import trade_hash
from shared.core.columns import CandleSeries
from shared.runtime.streams import ALL_ASSESSED
from shared.settings.settings import Settings, load_settings
from shared.store.engine import sqlite_url
from shared.store.port import Store
from shared.store.schema import upgrade
from shared.store.sql_store import open_store
from tests.faults.outcome import Effects, Outcome, described, effects_of, missing, violations_of
from tests.faults.processes import memory_megabytes, processor_seconds, state_of
from tests.fixtures.backtested import run_backtest
from tests.fixtures.declared import declare
from tests.fixtures.deployed import SERVICES, Deployment, stored, wait_until
from tests.fixtures.paper import cut_sample, run_paper, sample_series
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitServer

PAIR: Final = "EUR_USD"
CANDLES: Final = 160
# For faults that last some seconds.
LONG_CANDLES: Final = 260
# Market seconds to a second: 50 candles of five minutes, each with its own commits.
PACE: Final = "15000"
_STEP_SECONDS: Final = 300
# Generous, because other things may run on the machine; what was measured is reported.
PATIENCE_SECONDS: Final = 120.0

# Twenty trades in the first 160 candles and more after them, so that a fault meets some.
_BUSY_SETTINGS: Final = """
[risk]
risk_percent = 0.2
stop_atr = 0.5
target_ratio = 1.0
[gates]
daily_loss_percent = 100
[gates.max_spread_pips]
EUR_USD = 20
[pairs.EUR_USD]
strategy = "vwap_rsi"
profile = "aggressive"
sessions = ["00:00-23:59 UTC"]
[strategies.vwap_rsi.aggressive]
lo = 45
hi = 55
k = 5
"""


@dataclass(frozen=True)
class Script:
    """Candles to replay, the settings to trade them with, and what a run that nobody disturbs makes of them."""

    files: tuple[str, ...]
    config: Path
    candles: int
    seconds: int
    trade_hash: str
    effects: Effects

    @property
    def csv(self) -> list[str]:
        """Return the options that name the candles."""
        return [part for file in self.files for part in ("--csv", file)]

    def pace_for(self, seconds: float) -> str:
        """Return the speed at which the candles last so many seconds."""
        return str(round(self.seconds / seconds, 1))


class Stage:
    """Servers that scenes share one after the other."""

    def __init__(
        self, rabbit: RabbitServer, postgres: PostgresServer, folder: Path, outcomes: list[Outcome] | None = None
    ) -> None:
        """Keep files in a folder, and outcomes in a list, of its own if none is given; the servers run already."""
        self.rabbit = rabbit
        self.postgres = postgres
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.outcomes: list[Outcome] = [] if outcomes is None else outcomes
        self._scripts: dict[tuple[int, tuple[str, ...]], Script] = {}
        self._scenes = 0
        self._template = postgres.new_database()
        upgrade(postgres.url(self._template))

    def script(self, candles: int = CANDLES, pairs: tuple[str, ...] = (PAIR,)) -> Script:
        """Return the first candles of each pair's sample, with what they come to."""
        key = candles, pairs
        if key not in self._scripts:
            self._scripts[key] = self._written(candles, pairs)
        return self._scripts[key]

    @contextmanager
    def scene(
        self, candles: int = CANDLES, *, declared: bool = True, pairs: tuple[str, ...] = (PAIR,)
    ) -> "Iterator[Scene]":
        """Give a database and a vhost of its own to a run of the services, which ends with the context."""
        self.rabbit.make_usable()
        self.postgres.make_usable()
        self._scenes += 1
        folder = self.folder / f"scene_{self._scenes}"
        folder.mkdir()
        database, vhost = self.postgres.new_database(self._template), self.rabbit.new_vhost()
        if declared:
            declare(self.rabbit.url(vhost))
        try:
            with Scene(self, self.script(candles, pairs), folder, database, vhost) as scene:
                yield scene
        finally:
            self.rabbit.make_usable()
            self.postgres.make_usable()
            self.rabbit.retire_vhost(vhost)
            self.postgres.delete_database(database)

    def judged(self, draft: Outcome, script: Script, store: Store) -> Outcome:
        """Compare a ledger with that of the undisturbed run, and keep and return the draft with what came of it."""
        with store.reading() as reader:
            found = effects_of(reader)
            violations = violations_of(reader, script.trade_hash)
        lost, doubled = missing(script.effects, found), missing(found, script.effects)
        differs = {"differs": described(script.effects, found)} if lost or doubled else {}
        notes = {**draft.notes, **differs}
        outcome = replace(draft, lost=lost, doubled=doubled, violations=tuple(violations), notes=notes)
        self.outcomes.append(outcome)
        return outcome

    def _written(self, candles: int, pairs: tuple[str, ...]) -> Script:
        folder = self.folder / f"script_{candles}_{len(pairs)}"
        folder.mkdir()
        files = tuple(f"{pair}={cut_sample(folder, pair, candles)}" for pair in pairs)
        config = folder / "scalpbot.toml"
        config.write_text(_BUSY_SETTINGS, encoding="utf-8")
        settings = load_settings(config, {})
        series = sample_series(*pairs, candles=candles)
        expected = trade_hash(run_backtest(series, settings).trades)
        effects = _undisturbed(folder / "undisturbed.db", settings, series)
        return Script(files, config, candles * len(pairs), candles * _STEP_SECONDS, expected, effects)


def _undisturbed(database: Path, settings: Settings, series: Sequence[CandleSeries]) -> Effects:
    run_paper(database, series, settings=settings)
    store = open_store(sqlite_url(database))
    try:
        with store.reading() as reader:
            return effects_of(reader)
    finally:
        store.close()


def _holds(question: Callable[[], bool]) -> bool:
    """Return what a question comes to; no where the database has no answer now."""
    try:
        return question()
    except InfrastructureError:
        return False


@dataclass
class Scene:
    """The services on one database and one vhost, and the eyes of the test on both."""

    stage: Stage
    script: Script
    folder: Path
    database: str
    vhost: str
    pace: str = PACE
    injected: int = 0
    promised_seconds: float | None = None
    recoveries: list[float] = field(default_factory=list)
    notes: dict[str, float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look at the servers directly, whatever stands between them and the services."""
        self.store_url = self.stage.postgres.url(self.database)
        self.broker_url = self.stage.rabbit.url(self.vhost)
        self.deployment = Deployment(self.store_url, self.broker_url, self.folder)
        self.store = open_store(self.store_url)

    def __enter__(self) -> "Scene":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, fault: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.deployment.close()
        self.store.close()
        if fault is not None:
            for log in sorted(self.folder.glob("*.log")):
                fault.add_note(f"--- {log.name}\n{log.read_text(encoding='utf-8')[-1_500:]}")

    def start(
        self,
        name: str,
        crash_at: str | None = None,
        environ: Mapping[str, str] | None = None,
        program: str = "tests.tools.scalpbot",
    ) -> None:
        """Start a service on the script; `crash_at` names the place at which it is to die."""
        arguments = ["--config", str(self.script.config)]
        if name.startswith("ingest"):
            arguments += [*self.script.csv, "--speed", self.pace]
        self.deployment.start(name, *arguments, environ=environ, program=program, crash_at=crash_at)

    def start_all(self, environ: Mapping[str, str] | None = None) -> None:
        """Start the three services."""
        for name in SERVICES:
            self.start(name, environ=environ)

    def traded(self) -> int:
        """Return how many candles are in the ledger."""
        with self.store.reading() as reader:
            return reader.cursor("executor", ALL_ASSESSED)

    def stored(self) -> int:
        """Return how many candles ingest has stored."""
        return stored(self.store)

    def wait(self, holds: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> float:
        """Wait until something holds and return how many seconds that took; a service that ends by itself fails it."""
        return wait_until(lambda: _holds(holds), seconds, what, self._require_running)

    def wait_for_trading(self, share: float = 0.1) -> None:
        """Wait until so much of the script is in the ledger."""
        target = int(self.script.candles * share)
        self.wait(lambda: self.traded() >= target, f"{target} candles are traded")
        assert self.stored() < self.script.candles, "the replay was over before the fault"

    def wait_for_death(self, name: str, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait until a service has ended by itself, and return its exit code."""
        process = self.deployment.running.pop(name)
        return process.wait(seconds)

    def recovered(self, began: float, what: str = "a candle that came later is traded") -> float:
        """Wait until what is stored by now, and one candle more, is in the ledger; note the seconds since `began`."""
        target = min(self.stored() + 1, self.script.candles)
        self.wait(lambda: self.traded() >= target, what)
        self.recoveries.append(time.monotonic() - began)
        return self.recoveries[-1]

    def told(self, name: str, event: str) -> int:
        """Return how often a service's log names an event."""
        log = self.folder / f"{name}.log"
        return log.read_text(encoding="utf-8").count(f'"event": "{event}"') if log.exists() else 0

    def processor_seconds(self, name: str) -> float:
        """Return how long a service has kept a processor busy."""
        return processor_seconds(self.deployment.running[name].pid)

    def memory_megabytes(self) -> dict[str, float]:
        """Return how much memory each service has."""
        return {name: memory_megabytes(process.pid) for name, process in self.deployment.running.items()}

    def process_state(self, name: str) -> str:
        """Return the letter for what a service's process is doing: T when it was stopped."""
        return state_of(self.deployment.running[name].pid)

    def query(self, statement: str, *values: object) -> Any:
        """Return the first figure that a statement gives, committed at once."""
        target = self.store_url.replace("+psycopg", "")
        with psycopg.connect(target, autocommit=True, connect_timeout=5) as connection:
            row = connection.execute(statement, values).fetchone()
        return None if row is None else row[0]

    def column(self, statement: str) -> set[str]:
        """Return the first column that a statement gives."""
        with psycopg.connect(self.store_url.replace("+psycopg", ""), autocommit=True) as connection:
            return {row[0] for row in connection.execute(statement)}

    def execute(self, statement: str) -> int:
        """Run a statement, committed at once, and return how many rows it touched."""
        with psycopg.connect(self.store_url.replace("+psycopg", ""), autocommit=True) as connection:
            return connection.execute(statement).rowcount

    def let_lease_run_out(self, service: str = "executor") -> None:
        """Have the lease of a service expire now, as some seconds without its holder would."""
        self.execute(f"UPDATE leases SET expires_at = now() WHERE name LIKE '{service}%'")

    def unsent(self) -> int:
        """Return how many messages wait in the outbox."""
        with self.store.reading() as reader:
            return reader.outbox_count()

    def ready(self, queue: str) -> int:
        """Return how many messages wait in a queue."""
        return self.stage.rabbit.ready(self.vhost, queue)

    def wait_until_settled(self, dead_letters: Mapping[str, int] | None = None) -> float:
        """Wait until all is traded, sent and consumed; queues of dead letters hold what is said, else nothing."""
        took = self.wait(lambda: self.traded() >= self.script.candles, "every candle is traded")
        took += self.wait(lambda: self.unsent() == 0, "the outbox is empty")
        for queue in topology().queues:
            expected = (dead_letters or {}).get(queue.name, 0)
            took += self.wait(
                lambda name=queue.name, left=expected: self.ready(name) == left,  # type: ignore[misc]
                f"{queue.name} holds {expected} messages",
            )
        return took

    def outcome(self, row: str, fault: str) -> Outcome:
        """Compare the ledger with that of the undisturbed run."""
        draft = Outcome(
            row,
            fault,
            self.injected,
            lost=0,
            doubled=0,
            violations=(),
            recovery_seconds=tuple(self.recoveries),
            promised_seconds=self.promised_seconds,
            notes=self.notes,
        )
        return self.stage.judged(draft, self.script, self.store)

    def finished(self, row: str, fault: str) -> Outcome:
        """Wait until all is done and return what came of it."""
        self.wait_until_settled()
        return self.outcome(row, fault)

    def _require_running(self) -> None:
        for name, process in self.deployment.running.items():
            code = process.poll()
            assert code is None, f"{name} ended by itself with {code}:\n{self.deployment.log_of(name)[-2_000:]}"
