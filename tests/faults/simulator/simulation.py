"""One simulation: faults for some hundred steps, then none, and everything must be traded as if there had been none."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Final, NamedTuple

from services.executor.work import ACCOUNT
from services.executor.work import SERVICE as EXECUTOR
from services.ingest.feed import SERVICE as INGEST
from services.strategy.work import SERVICE as STRATEGY
from shared.bus.topology import topology
from shared.runtime.metrics import ServiceMetrics
from shared.runtime.streams import ALL_ASSESSED
from shared.store.sql.audit import verify_audit
from tests.faults.simulator.broker import SimulatedBroker
from tests.faults.simulator.database import FaultyStore, MemoryDatabase
from tests.faults.simulator.faults import DEAD_LETTERED, KILLED, STOPPED, TAKEN_OVER, Faults, SimulatedCrash
from tests.faults.simulator.judgement import Effects, judge
from tests.faults.simulator.market import SimulatedMarket, simulated_markets
from tests.faults.simulator.processes import Decode, Shared, SimulatedProcess, Wiring, new_process
from tests.faults.simulator.scheduler import Scheduler, Task
from tests.faults.simulator.trace import Trace

STEPS: Final = 150
# After healing: the candles still to come, a lease that runs out, a sweep, and the longest pauses between tries.
_DRAIN_SECONDS: Final = 35.0
_LONGEST_ABSENCE_SECONDS: Final = 3.0
_STANDBY: Final = 0.6
_LOOK_EVERY: Final = 5
_REMEMBERED: Final = 5_000


class Outcome(NamedTuple):
    """What a simulation came to."""

    seed: int
    effects: Effects
    injected: Counter[str]
    steps_to_drain: int
    seconds_to_drain: float
    digest: str


@dataclass
class _Place:
    """Where a process lives, one life after the other."""

    service: str
    name: str
    metrics: ServiceMetrics
    lives: int = 0
    process: SimulatedProcess | None = None
    restart_at: float = 0.0


class Simulator:
    """Runs simulations, one after the other; close it in the end."""

    def __init__(self, wiring: Wiring | None = None) -> None:
        """Prepare the markets and their ledgers; another wiring is for showing that faults are found."""
        self._wiring = wiring or Wiring()
        self._database = MemoryDatabase()
        self._markets = simulated_markets(self._database)
        self._remembered = lru_cache(maxsize=_REMEMBERED)(_decoded)

    def run(self, seed: int, steps: int = STEPS, write: Callable[[str], None] | None = None) -> Outcome:
        """Run the simulation of a seed, with faults for so many steps at most; `write` gets its trace."""
        random = Random(seed)
        market = random.choice(self._markets)
        simulation = _Simulation(self._database, market, self._wiring, random, Trace(write), self._remembered)
        try:
            return simulation.run(seed, steps)
        finally:
            simulation.close()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


def _decoded(decode: Decode, kind: str, version: int, body: bytes) -> object:
    return decode(kind, version, body)


class _Simulation:
    def __init__(
        self,
        database: MemoryDatabase,
        market: SimulatedMarket,
        wiring: Wiring,
        random: Random,
        trace: Trace,
        remembered: Callable[[Decode, str, int, bytes], object],
    ) -> None:
        self._database = database
        self._market = market
        self._random = random
        self._trace = trace
        self._violations: list[str] = []
        self._scheduler = Scheduler(random, trace)
        self._faults = Faults(random, trace)
        partitions = market.settings.deployment.partitions
        self._broker = SimulatedBroker(topology(partitions), self._faults, self._scheduler.clock)
        self._shared = Shared(self._scheduler, self._faults, self._broker, market, wiring, remembered, self._violated)
        executors = 2 if random.random() < _STANDBY else 1
        names = [
            (INGEST, INGEST),
            *((STRATEGY, f"{STRATEGY}.{n}") for n in range(partitions)),
            *((EXECUTOR, f"{EXECUTOR}.{n + 1}") for n in range(executors)),
        ]
        self._places = [_Place(service, name, ServiceMetrics(service, "0")) for service, name in names]
        database.reset(self._scheduler.clock)

    def run(self, seed: int, steps: int) -> Outcome:
        for step in range(steps):
            if step % _LOOK_EVERY == 0 and self._drained():
                break
            self._disturb()
            self._step()
        self._heal()
        healed_at, steps_to_drain = self._scheduler.now, 0
        while not (steps_to_drain % _LOOK_EVERY == 0 and self._drained()):
            if self._scheduler.now - healed_at > _DRAIN_SECONDS:
                self._violated("not everything was traded in time after the faults had stopped")
                break
            self._step()
            steps_to_drain += 1
        self._look_back()
        effects = judge(self._database.ledger(), self._market.ledger, self._violations)
        injected = +self._faults.counts
        seconds = self._scheduler.now - healed_at
        return Outcome(seed, effects, injected, steps_to_drain, seconds, self._trace.digest())

    def close(self) -> None:
        for place in self._places:
            self._end(place)

    def _heal(self) -> None:
        self._trace.note(self._scheduler.now, "healed", "no more faults")
        self._faults.heal()
        for place in self._places:
            for task in place.process.tasks if place.process is not None else ():
                task.paused_until = self._scheduler.now

    def _step(self) -> None:
        if all(place.process is None for place in self._places):
            self._scheduler.now = max(self._scheduler.now, min(place.restart_at for place in self._places))
        for place in self._places:
            if place.process is None and place.restart_at <= self._scheduler.now:
                self._start(place)
        task = self._scheduler.step()
        if task.done:
            self._bury(task)

    def _start(self, place: _Place) -> None:
        place.lives += 1
        instance = f"{place.name}#{place.lives}"
        store = FaultyStore(self._database.store, self._faults, self._scheduler.clock, place.service)
        log = self._trace.log(instance, self._scheduler.clock)
        place.process = new_process(self._shared, place.service, instance, store, place.metrics, log)

    def _bury(self, task: Task) -> None:
        """Let a process end with its main task, or with whichever of its tasks crashed."""
        place = next(place for place in self._places if place.process is not None and task in place.process.tasks)
        process = place.process
        assert process is not None
        if task.ended_by is None and task is not process.tasks[0]:
            return
        if task.ended_by is not None and not isinstance(task.ended_by, SimulatedCrash):
            self._violated(f"{task.name} ended by {task.ended_by!r}")
        self._end(place)

    def _end(self, place: _Place) -> None:
        process, place.process = place.process, None
        if process is not None:
            for task in process.tasks:
                self._scheduler.kill(task)
            for consumer in process.consumers:
                self._broker.detach(consumer)
            place.restart_at = self._scheduler.now + self._random.random() * _LONGEST_ABSENCE_SECONDS

    def _disturb(self) -> None:
        place = self._random.choice(self._places)
        process = place.process
        if process is None:
            return
        now = self._scheduler.now
        if self._faults.strikes(KILLED, now, process.instance):
            self._end(place)
        elif self._faults.strikes(STOPPED, now, process.instance):
            process.stopping = True

    def _drained(self) -> bool:
        if not self._broker.empty():
            return False
        with self._database.store.reading() as reader:
            traded = reader.cursor(EXECUTOR, ALL_ASSESSED)
            return traded == self._market.candles and reader.outbox_count() == 0

    def _look_back(self) -> None:
        with self._database.store.reading() as reader:
            audit = verify_audit(reader.audit_in_order())
            lease = reader.lease(f"{EXECUTOR}.{ACCOUNT}")
        if not audit.ok:
            self._violated(f"audit chain: {audit.why}")
        if lease is not None:
            self._faults.counts[TAKEN_OVER] = lease.epoch - 1
        for name, sent in self._database.outbox():
            if sent and name not in self._broker.arrived:
                self._violated(f"message {name} counts as sent, but the broker never had it")
        self._faults.counts[DEAD_LETTERED] = self._broker.dead_letters

    def _violated(self, words: str) -> None:
        self._trace.note(self._scheduler.now, "VIOLATED", words)
        self._violations.append(words)
