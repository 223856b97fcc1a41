"""Two ingests and two strategies on one market: one of each works, the other waits and takes over."""

import signal
import time
from typing import Final

from tests.faults.outcome import Outcome
from tests.faults.stage import LONG_CANDLES, Scene, Stage

# What a lease of theirs lasts, and some for the other to ask and to find its place.
TAKEOVER_SECONDS: Final = 15.0
_PLAYED_SECONDS: Final = 12.0


def relieved(stage: Stage, *, waits_for_lease: bool = True) -> Outcome:
    """Start two of each, kill the ingest and the strategy that lead, then freeze the next ingest and let it go on.

    A lease runs out after some seconds, or at once where nobody `waits_for_lease`.
    """
    with stage.scene(LONG_CANDLES) as scene:
        scene.pace = scene.script.pace_for(_PLAYED_SECONDS)
        for name in ("strategy.1", "strategy.2", "executor"):
            scene.start(name)
        strategies = _in_their_order(scene, "strategy.1", "strategy.2")
        for name in ("ingest.1", "ingest.2"):
            scene.start(name)
        ingests = _in_their_order(scene, "ingest.1", "ingest.2")
        scene.wait_for_trading(0.05)
        for first, second in (ingests, strategies):
            began = time.monotonic()
            scene.deployment.kill(first)
            _await_leader(scene, second, waits_for_lease)
            scene.recovered(began)
        scene.start("ingest.3")
        scene.wait(lambda: scene.told("ingest.3", "standing by") > 0, "ingest.3 waits")
        _freeze(scene, ingests[1], waits_for_lease)
        scene.promised_seconds = TAKEOVER_SECONDS
        return scene.finished("twins", "two ingests, two strategies; the leading ones killed, frozen")


def _in_their_order(scene: Scene, *names: str) -> tuple[str, ...]:
    """Wait until one leads and the other says that it waits, and return them in that order."""
    scene.wait(
        lambda: all(scene.told(name, "leading") + scene.told(name, "standing by") for name in names), "one leads"
    )
    ordered = tuple(sorted(names, key=lambda name: scene.told(name, "standing by")))
    assert [scene.told(name, "leading") for name in ordered] == [1, 0], ordered
    assert scene.deployment.metrics(ordered[1])["scalpbot_lease_waiting"] == 1
    return ordered


def _freeze(scene: Scene, name: str, waits_for_lease: bool) -> None:
    frozen = scene.deployment.running[name]
    began = time.monotonic()
    frozen.send_signal(signal.SIGSTOP)
    _await_leader(scene, "ingest.3", waits_for_lease)
    scene.recovered(began)
    frozen.send_signal(signal.SIGCONT)
    scene.wait(lambda: scene.told(name, "not leading any more") > 0, "the stale ingest has stepped back")


def _await_leader(scene: Scene, name: str, waits_for_lease: bool) -> None:
    scene.injected += 1
    if not waits_for_lease:
        scene.let_lease_run_out()
    scene.wait(lambda: scene.told(name, "leading") > 0, f"{name} leads")
