"""The executor as a process: what it does only while it leads, only on a live run, and twice a second."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from services.executor import process as executor_process
from services.executor.commands.opened import opened_closes
from services.executor.metrics import CommandMetrics, ExecutorMetrics, tell_outside
from services.executor.process import run_executor
from shared.contracts.commands import parse_command
from shared.contracts.runs import RunMode
from shared.core.types import BUY
from shared.runtime.commands import send_command
from shared.runtime.consumer import no_fence
from shared.runtime.health import Health
from shared.runtime.metrics import ServiceMetrics
from shared.runtime.process import Process
from shared.settings.settings import Settings, load_settings
from shared.store.port import Store
from shared.store.rows.commands import CommandRow, NewCommand
from shared.store.sql_store import open_store
from tests.fixtures.live_run import KeptLog
from tests.fixtures.market import assessment
from tests.fixtures.new_store import new_sqlite
from tests.unit.executor.broker import Broker
from tests.unit.executor.desk_on_store import NOW, message
from tests.unit.executor.judged import judged


class Lease:
    """A lease that a test gives and takes."""

    leads = True
    fence = staticmethod(no_fence)

    def holds(self) -> bool:
        return self.leads


class Stage:
    """An executor process whose loop is played by a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
        self.url = url
        self.lease = Lease()
        self.now = 100.0
        self.follows_quotes = False
        self.loops = 0
        self.play: Callable[[Any, Store], None] = lambda _parts, _store: None
        metrics = ServiceMetrics("executor", "0")
        self.process = Process(
            service="executor",
            instance="test",
            health=Health(metrics, lambda: self.now),
            metrics=metrics,
            log=cast("Any", KeptLog()),
            stopped=lambda: False,
            clock=lambda: NOW + 30.5,
            monotonic=lambda: self.now,
        )
        stage = self

        class Loop:
            def __init__(self, **parts: Any) -> None:
                self.parts = parts

            def run(self) -> None:
                stage.loops += 1
                stage.play(self.parts, self.parts["store"])

        @contextmanager
        def received(*_: object) -> Iterator[None]:
            stage.follows_quotes = True
            yield

        class Relay:
            def wake(self) -> None:
                """Send nothing."""

        for name, double in (
            ("lease_of", lambda *_: self.lease),
            ("relay_of", lambda *_: Relay()),
            ("receiver_of", lambda *_: None),
            ("received_quotes", received),
            ("ConsumerProcess", Loop),
        ):
            monkeypatch.setattr(executor_process, name, double)

    def run(self, mode: RunMode = RunMode.OFFLINE) -> None:
        run_executor(self.process, Settings(), mode, self.url, "amqp://nowhere")

    def pending(self) -> tuple[float, float]:
        found = self.process.metrics.of(ExecutorMetrics)
        (waiting, oldest) = (next(iter(gauge.collect())) for gauge in (found.commands_pending, found.oldest_pending))
        return waiting.samples[0].value, oldest.samples[0].value


@pytest.fixture(name="stage")
def stage_(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    return Stage(monkeypatch, new_sqlite(tmp_path / "executor.db"))


def pause(store: Store) -> None:
    body = '{"mode":"PAPER","pair":null}'
    with store.transaction() as transaction:
        send_command(transaction, parse_command("PAUSE_ALL", body), NewCommand(NOW, "ann", "PAUSE_ALL", body))


def waiting(store: Store) -> int:
    with store.reading() as reader:
        return reader.backlog().waiting


def test_commands_are_carried_out_while_this_process_leads_twice_a_second(stage: Stage) -> None:
    found: list[int] = []

    def play(parts: Any, store: Store) -> None:
        for leads, now in ((False, 100.0), (True, 100.0), (True, 100.4), (True, 100.5)):
            pause(store)
            stage.lease.leads, stage.now = leads, now
            parts["between"]()
            found.append(waiting(store))

    stage.play = play
    stage.run()
    assert found == [1, 0, 1, 0]


def test_backlog_is_measured_before_it_is_carried_out(stage: Stage) -> None:
    found: list[tuple[float, float]] = []

    def play(parts: Any, store: Store) -> None:
        parts["between"]()
        found.append(stage.pending())
        pause(store)
        stage.now += 1
        parts["between"]()
        found.append(stage.pending())

    stage.play = play
    stage.run()
    assert found == [(0.0, 0.0), (1.0, 30.5)]


@pytest.mark.parametrize("mode", [RunMode.OFFLINE, RunMode.LIVE])
def test_old_candle_brings_an_entry_unless_the_run_is_live_and_follows_quotes(stage: Stage, mode: RunMode) -> None:
    opened: list[bool] = []

    def play(parts: Any, store: Store) -> None:
        fact = judged(1, assessment(BUY))
        with store.transaction() as transaction:
            transaction.add_assessments([fact])
        parts["consumer"].handle([message(fact)])
        with store.reading() as reader:
            opened.append(bool(reader.positions()))

    stage.play = play
    stage.run(mode)
    live = mode is RunMode.LIVE
    assert (opened, stage.follows_quotes, stage.loops) == ([not live], live, 1)


def test_assessment_that_nobody_stored_brings_no_entry_and_is_counted(stage: Stage) -> None:
    opened: list[bool] = []

    def play(parts: Any, store: Store) -> None:
        parts["consumer"].handle([message(judged(1, assessment(BUY)))])
        with store.reading() as reader:
            opened.append(bool(reader.positions()))

    stage.play = play
    stage.run()
    assert opened == [False]
    assert stage.process.metrics.registry.get_sample_value("scalpbot_bus_refuted_total") == 1


def test_process_that_is_to_stop_before_its_store_is_there_does_nothing(stage: Stage, tmp_path: Path) -> None:
    stage.process = replace(stage.process, stopped=lambda: True)
    stage.url = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
    stage.run()
    assert stage.loops == 0


@pytest.mark.parametrize(("asked", "counted"), [("PAUSE_ALL", "PAUSE_ALL"), ("drop everything", "unknown")])
def test_command_that_ended_is_counted_by_a_known_type(stage: Stage, asked: str, counted: str) -> None:
    row = CommandRow(*[None] * len(CommandRow._fields))._replace(id=1, type=asked, status="FAILED", actor="ann")  # type: ignore[arg-type]
    stage.process.metrics.show(CommandMetrics)
    tell_outside(stage.process, row)
    (family,) = stage.process.metrics.of(CommandMetrics).commands.collect()
    labels = [each.labels for each in family.samples if each.name.endswith("_total")]
    assert labels == [{"type": counted, "status": "FAILED"}]


@pytest.mark.parametrize(
    ("environ", "lines"),
    [
        ({"OANDA_API_KEY": "key", "OANDA_ACCOUNT_ID": "101-004-1234567-001"}, 0),
        ({"LIVE_TRADING_ENABLED": "true", "OANDA_API_KEY": "key"}, 1),
        ({"LIVE_TRADING_ENABLED": "true", "OANDA_ACCOUNT_ID": "101-004-1234567-001"}, 1),
    ],
)
def test_nothing_is_closed_at_oanda_without_the_flag_or_half_an_account(
    stage: Stage, environ: dict[str, str], lines: int
) -> None:
    store = open_store(stage.url)
    with opened_closes(stage.process, load_settings(None, environ), store) as closes:
        assert closes is None
    store.close()
    log = cast("Any", stage.process.log)
    assert (len(log.lines), log.told("enabled without an account")) == (lines, lines)


def test_with_the_flag_and_an_account_closes_are_made_at_oanda_and_the_log_says_so(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    enabled: list[bool] = []

    def broker(*_: object, **settled: Any) -> Broker:
        enabled.append(settled["enabled"])
        return Broker()

    monkeypatch.setattr("services.executor.commands.opened.OandaBroker", broker)
    environ = {"LIVE_TRADING_ENABLED": "true", "OANDA_API_KEY": "key", "OANDA_ACCOUNT_ID": "101-004-1234567-001"}
    store = open_store(stage.url)
    with opened_closes(stage.process, load_settings(None, environ), store) as closes:
        assert closes is not None
    store.close()
    assert enabled == [True]
    assert cast("Any", stage.process.log).told("close positions at OANDA") == 1
