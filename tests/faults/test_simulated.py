"""Seeded simulations of the deployed shape: whatever strikes, nothing is lost, doubled or violated."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any, Final

import pytest

from services.ingest.feed import Arrival, CandleFeed
from services.ingest.replay import replay
from shared.contracts.envelope import Message
from shared.contracts.errors import InfrastructureError
from shared.runtime.consumer import StreamConsumer
from shared.runtime.health import Health
from shared.runtime.logs import service_log
from shared.runtime.metrics import ServiceMetrics
from shared.runtime.outgoing import OutboxOutgoing, sent_after_commit
from shared.runtime.process import Process
from shared.store.port import Reader, Transaction
from tests.faults.simulator.campaign import failure, run_campaign
from tests.faults.simulator.faults import CONSEQUENCES, CRASH_PLACES, CRASHED, KINDS
from tests.faults.simulator.processes import ScheduledRelay, Wiring
from tests.faults.simulator.simulation import STEPS, Outcome, Simulator
from tests.fixtures.market import M5, candle
from tests.tools.simulate import main

SEEDS: Final = 200
JOBS: Final = 2
FEW_SEEDS: Final = 20


class IgnoresTheCursor(StreamConsumer[Any]):
    """Handles every message that comes, as if brokers delivered once."""

    def _handle(self, announced: Sequence[Any], patient: bool = False) -> int:
        work = self.work
        with sent_after_commit(self._outgoing, self._store.transaction()) as transaction:
            self._fence(transaction)
            cursor = transaction.cursor(work.service, work.stream)
            facts = list(announced) or work.stored_after(transaction, cursor, 500)
            if facts:
                work.restore(transaction)
                work.apply(transaction, facts, self._outgoing)
                transaction.save_cursor(work.service, work.stream, facts[-1].seq)
        return len(facts)


class MovesTheCursorFirst(StreamConsumer[Any]):
    """Says that facts are handled in one transaction and handles them in the next."""

    def _handle(self, announced: Sequence[Any], patient: bool = False) -> int:
        work = self.work
        with self._store.transaction() as transaction:
            self._fence(transaction)
            cursor = transaction.cursor(work.service, work.stream)
            facts = work.stored_after(transaction, cursor, 500)
            if facts:
                transaction.save_cursor(work.service, work.stream, facts[-1].seq)
        self._crash(f"{work.service}.before_commit")
        if facts:
            with sent_after_commit(self._outgoing, self._store.transaction()) as transaction:
                work.restore(transaction)
                work.apply(transaction, facts, self._outgoing)
        return len(facts)


class AcksBeforeTheCommit(StreamConsumer[Any]):
    """Leaves messages to the next call and never looks for what was announced to nobody."""

    _left: Sequence[Message] = ()

    def handle(self, messages: Sequence[Message]) -> None:
        left, self._left = self._left, messages
        if left:
            super().handle(left)

    def catch_up_a_batch(self) -> int:
        return 0


class TrustsItsMemory(StreamConsumer[Any]):
    """Goes on from what it remembers, also after a commit that failed."""

    def _handle(self, announced: Sequence[Any], patient: bool = False) -> int:
        restored = self.work.restore
        if self._handled != -1:
            self.work.restore = lambda reader: None
        before = self._handled
        try:
            return super()._handle(announced, patient)
        finally:
            self._handled = max(self._handled, before, 0)
            self.work.restore = restored


class MarksBeforeItSends(ScheduledRelay):
    """Notes messages as sent before the broker has them."""

    def send_once(self) -> int:
        with self._store.transaction() as transaction:
            waiting = transaction.unsent_outbox(500, self._errand.producer, self._errand.stream)
            transaction.mark_outbox_sent([message.id for message in waiting], 0)
        if waiting:
            self._publisher.publish([message.row for message in waiting])
        return len(waiting)


@pytest.fixture(scope="module")
def campaign() -> list[dict[str, Any]]:
    """Return the summaries of a campaign that was shared out between processes."""
    share = SEEDS // JOBS
    command = [sys.executable, "-m", "tests.tools.simulate", "--json", "--seeds"]
    jobs = [
        subprocess.Popen([*command, f"{job * share}:{(job + 1) * share}"], stdout=subprocess.PIPE, text=True)
        for job in range(JOBS)
    ]
    return [json.loads(job.communicate()[0]) for job in jobs]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with closing(Simulator()) as opened:
        yield opened


def test_nothing_is_lost_doubled_or_violated_in_two_hundred_seeds(campaign: list[dict[str, Any]]) -> None:
    failures = [failure for part in campaign for failure in part["failures"]]
    assert not failures, "\n".join(failures)
    assert sum(part["seeds"] for part in campaign) == SEEDS
    assert sum(part["lost"] + part["doubled"] + part["violated"] for part in campaign) == 0


def test_every_kind_of_fault_strikes_in_two_hundred_seeds(campaign: list[dict[str, Any]]) -> None:
    injected = {line["kind"]: 0 for line in campaign[0]["lines"]}
    for line in (line for part in campaign for line in part["lines"]):
        injected[line["kind"]] += line["injected"]
    assert set(injected) == {*KINDS, *(f"{CRASHED} {place}" for place in CRASH_PLACES), *CONSEQUENCES}
    assert [kind for kind, count in injected.items() if count == 0] == []
    assert min(injected[kind] for kind in KINDS) >= 50


def test_same_seed_gives_the_same_run(simulator: Simulator) -> None:
    first, other, again = simulator.run(7), simulator.run(8), simulator.run(7)
    assert first == again
    assert first.digest != other.digest


@pytest.mark.parametrize(
    "wiring",
    [
        pytest.param(Wiring(consumer=IgnoresTheCursor), id="ignores the cursor"),
        pytest.param(Wiring(consumer=MovesTheCursorFirst), id="moves the cursor first"),
        pytest.param(Wiring(consumer=AcksBeforeTheCommit), id="acks before the commit"),
        pytest.param(Wiring(consumer=TrustsItsMemory), id="trusts its memory"),
        pytest.param(Wiring(relay=MarksBeforeItSends), id="marks before it sends"),
        pytest.param(Wiring(fenced=False), id="writes without a fence"),
    ],
)
def test_broken_service_is_found_within_a_few_seeds(wiring: Wiring) -> None:
    with closing(Simulator(wiring)) as broken:
        found = _first_failure(broken)
    assert found is not None
    assert f"--seed {found.seed} --steps {STEPS}" in failure(found, STEPS)


def test_failing_campaign_names_every_failed_seed() -> None:
    with closing(Simulator(Wiring(consumer=MovesTheCursorFirst))) as broken:
        summary = run_campaign(broken, range(4), STEPS)
    assert summary.failures
    assert summary.lost + summary.doubled + summary.violated > 0
    assert all(words.startswith("seed ") for words in summary.failures)


def test_one_seed_can_be_watched_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--verbose"]) == 0
    shown = capsys.readouterr().out
    assert shown.count(" turn ") > STEPS
    assert " FAULT " in shown
    assert "seed 3: 0 lost, 0 doubled, 0 violated" in shown


def test_replay_that_is_to_stop_while_the_store_is_away_ends() -> None:
    # Seeds 509 and 777 found it ending with a TypeError instead.
    stopping: list[float] = []
    metrics = ServiceMetrics("ingest", "0")
    process = Process(
        "ingest",
        "ingest.1",
        Health(metrics),
        metrics,
        service_log("ingest", "ingest.1", "error"),
        stopped=lambda: bool(stopping),
        sleep=stopping.append,
    )
    arrival = Arrival(pair="EUR_USD", granularity_seconds=M5, digits=5, candle=candle())
    feed = CandleFeed(_AwayStore(), OutboxOutgoing(lambda: None))
    assert replay(process, _AwayStore(), feed, [arrival], 0.0) == 0
    assert len(stopping) == 1


class _AwayStore:
    """A store that nobody reaches."""

    def reading(self) -> AbstractContextManager[Reader]:
        raise InfrastructureError("the database is away")

    def transaction(self) -> AbstractContextManager[Transaction]:
        raise InfrastructureError("the database is away")

    def close(self) -> None:
        """Do nothing."""


def _first_failure(simulator: Simulator) -> Outcome | None:
    outcomes = (simulator.run(seed) for seed in range(FEW_SEEDS))
    return next((outcome for outcome in outcomes if not outcome.effects.sound), None)
