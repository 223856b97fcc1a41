"""Services that die: at chosen places of their work, at random moments, and when they are asked to stop."""

import time
from collections.abc import Sequence
from random import Random
from typing import Final

from tests.faults.outcome import Outcome
from tests.faults.stage import CANDLES, Scene, Stage
from tests.fixtures.deployed import SERVICES

POINTS: Final = ("before_commit", "after_commit", "before_publish", "after_confirm", "after_mark")
_KILLED: Final = 137
# The first life has done some work before it ends; what the others find is waiting for them already.
_FIRST_REPETITION: Final = 3
_MOST_CANDLES: Final = 7_000
_PUBLISHING_SECONDS: Final = 5.0
_LEASE_SECONDS: Final = 10.0
_DRAINED_SECONDS: Final = 30.0


def killed_at_each_crash_point(
    stage: Stage, services: Sequence[str], rounds: int = 1, *, waits_for_lease: bool = True
) -> Outcome:
    """Let services die once at each of their crash points, started again each time; they go through them side by side.

    The lease of a service that died runs out after ten seconds at most, or at once where nobody `waits_for_lease`.
    """
    with stage.scene(CANDLES * rounds) as scene:
        lives = [_Lives(scene, service, rounds, waits_for_lease) for service in services]
        for service in SERVICES:
            if service not in services:
                scene.start(service)
        while sum(life.over() for life in lives) < len(lives):
            time.sleep(0.1)
        scene.promised_seconds = _PUBLISHING_SECONDS + (_LEASE_SECONDS if waits_for_lease else 0.0)
        rows = ", ".join(str(1 + SERVICES.index(service)) for service in services)
        return scene.finished(rows, f"{', '.join(services)} killed at {len(POINTS) * rounds} crash points each")


class _Lives:
    """One service that dies again and again."""

    def __init__(self, scene: Scene, service: str, rounds: int, waits_for_lease: bool) -> None:
        """Begin its first life."""
        self._scene = scene
        self._service = service
        self._waits_for_lease = waits_for_lease
        first, *others = [f"{service}.{point}" for point in POINTS] * rounds
        self._others: list[str | None] = [*others, None]
        self._since: float | None = None
        self._signs = 0
        scene.start(service, f"{first}:{_FIRST_REPETITION}")

    def over(self) -> bool:
        """Look after it and return whether it lives its last life, and works."""
        dead = self._scene.deployment.running[self._service].poll() is not None
        if self._since is not None and (dead or self._signs_of_work() > self._signs):
            # One that dies again has worked.
            self._scene.recoveries.append(time.monotonic() - self._since)
            self._since = None
        if dead:
            self._begin_another()
        return not self._others and self._since is None

    def _begin_another(self) -> None:
        scene, service = self._scene, self._service
        code = scene.wait_for_death(service)
        assert code == _KILLED, scene.deployment.log_of(service)[-2_000:]
        scene.injected += 1
        if not self._waits_for_lease:
            scene.let_lease_run_out(service)
        self._since = time.monotonic()
        self._signs = self._signs_of_work()
        scene.start(service, self._others.pop(0))

    def _signs_of_work(self) -> int:
        if self._service == "ingest":
            sent = "SELECT count(*) FROM outbox WHERE producer = 'ingest' AND sent_at IS NOT NULL"
            return int(self._scene.query(sent)) + self._scene.told("ingest", "replay ends")
        return self._scene.told(self._service, "consuming")


def killed_at_random(stage: Stage, seconds: float, seed: int) -> Outcome:
    """Kill any service every second or so, start it again at once, and see the backlog go when that ends."""
    rng = Random(seed)
    candles_a_second = 25
    with stage.scene(min(_MOST_CANDLES, int(seconds * candles_a_second))) as scene:
        scene.pace = str(300 * candles_a_second)
        scene.notes["seed"] = str(seed)
        scene.start_all()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(rng.uniform(0.3, 2.0))
            victim = rng.choice(SERVICES)
            scene.deployment.kill(victim)
            scene.injected += 1
            scene.start(victim)
        scene.promised_seconds = _DRAINED_SECONDS
        scene.recovered(time.monotonic())
        return scene.finished("5", f"SIGKILL of any service for {seconds:g} s")


def asked_to_stop(stage: Stage, times: int) -> Outcome:
    """Stop services under load as an orchestrator does, each in turn, and start them again."""
    with stage.scene(CANDLES + 40 * times) as scene:
        scene.start_all()
        scene.wait_for_trading()
        slowest, redelivered = 0.0, 0.0
        for number in range(times):
            name = SERVICES[number % len(SERVICES)]
            code, seconds = scene.deployment.stop(name)
            scene.injected += 1
            assert code == 0, scene.deployment.log_of(name)[-2_000:]
            slowest = max(slowest, seconds)
            scene.start(name)
            scene.recovered(time.monotonic())
            if name != "ingest":
                redelivered = max(redelivered, scene.deployment.metrics(name)["scalpbot_bus_redeliveries_total"])
        scene.notes["most redelivered"] = redelivered
        scene.notes["slowest stop, seconds"] = slowest
        return scene.finished("27", "SIGTERM under load")


def failed_over(stage: Stage, times: int) -> Outcome:
    """Stop the active consumer of a queue while it holds unacknowledged messages; the other one goes on."""
    with stage.scene(CANDLES + 150 * times) as scene:
        scene.start("strategy.0")
        # Whoever is there first leads.
        scene.wait(lambda: scene.told("strategy.0", "leading") > 0, "strategy.0 leads")
        for name in ("executor", "ingest", "strategy.1"):
            scene.start(name)
        scene.wait_for_trading()
        for number in range(times):
            successor = f"strategy.{number + 1}"
            scene.wait(lambda name=successor: scene.told(name, "standing by") > 0, f"{successor} stands by")  # type: ignore[misc]
            began = time.monotonic()
            code, _ = scene.deployment.stop(f"strategy.{number}")
            assert code == 0, scene.deployment.log_of(f"strategy.{number}")[-2_000:]
            scene.injected += 1
            if number + 1 < times:
                scene.start(f"strategy.{number + 2}")
            scene.wait(lambda name=successor: _deliveries(scene, name) > 0, f"{successor} is served")  # type: ignore[misc]
            scene.recoveries.append(time.monotonic() - began)
        return scene.finished("17", "graceful failover of the active consumer")


def _deliveries(scene: Scene, name: str) -> float:
    return scene.deployment.metrics(name)["scalpbot_bus_deliveries_total"]
