"""Clocks that step."""

import time
from typing import Final

from tests.faults.equipment.stepped_clock import SteppedClock, stepped_clock
from tests.faults.outcome import Outcome
from tests.faults.played.executors import TAKEOVER_SECONDS
from tests.faults.stage import LONG_CANDLES, Scene, Stage
from tests.fixtures.deployed import SERVICES
from tests.servers.choice import open_own_postgres_server

_HOUR_SECONDS: Final = 3_600
# The library looks for another time once a second, in each process for itself.
_NOTICED_SECONDS: Final = 2.0


def stepped(stage: Stage) -> Outcome:
    """Step the clock of services and database by an hour to and fro, first under way, then while the leader is dead."""
    with stepped_clock(_HOUR_SECONDS) as clock, open_own_postgres_server(environ=clock.preloaded) as postgres:
        shifted = Stage(stage.rabbit, postgres, stage.folder / "clock", stage.outcomes)
        with shifted.scene(LONG_CANDLES) as scene:
            scene.pace = scene.script.pace_for(12.0)
            for name in SERVICES:
                _start(scene, name, clock)
            scene.wait_for_trading()
            for ahead in (0, _HOUR_SECONDS):
                _step(scene, clock, ahead)
                scene.recovered(time.monotonic())
            for ahead in (0, _HOUR_SECONDS):
                scene.deployment.kill("executor")
                scene.injected += 1
                _step(scene, clock, ahead)
                lives = scene.told("executor", "starting")
                _start(scene, "executor", clock)
                scene.wait(lambda before=lives: scene.told("executor", "starting") > before, "another executor starts")  # type: ignore[misc]
                scene.recovered(time.monotonic())
            scene.promised_seconds = TAKEOVER_SECONDS
            return scene.finished("24", "clock stepped by an hour to and fro, leader killed before it")


def _start(scene: Scene, name: str, clock: SteppedClock) -> None:
    scene.start(name, environ=clock.environ, program="tests.tools.scalpbot_stepped")


def _step(scene: Scene, clock: SteppedClock, ahead_seconds: int) -> None:
    before = _database_time(scene)
    clock.step_to(ahead_seconds)
    scene.injected += 1
    scene.wait(lambda: abs(_database_time(scene) - before) > _HOUR_SECONDS / 2, "the database has noticed")
    time.sleep(_NOTICED_SECONDS)


def _database_time(scene: Scene) -> float:
    return float(scene.query("SELECT extract(epoch FROM clock_timestamp())"))
