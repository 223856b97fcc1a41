"""Faults of the database and of the way to it."""

import json
import time
from collections.abc import Sequence
from typing import Final
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.faults.equipment.proxy import TcpProxy, proxied
from tests.faults.equipment.small_disk import SmallDisk
from tests.faults.outcome import Outcome
from tests.faults.played.broker import CONSUMERS, note_consuming
from tests.faults.stage import CANDLES, LONG_CANDLES, Scene, Stage
from tests.fixtures.deployed import SERVICES
from tests.servers.choice import open_own_postgres_server

_RESUMED_SECONDS: Final = 10.0
_REACHED_SECONDS: Final = 15.0
DISK_MEGABYTES: Final = 160


def restarted(stage: Stage, gracefully: Sequence[bool]) -> Outcome:
    """Stop or kill the database in mid-run, once for each entry, and start it again."""
    with stage.scene(CANDLES * (len(gracefully) + 1)) as scene:
        scene.start_all()
        scene.wait_for_trading()
        for politely in gracefully:
            (stage.postgres.stop if politely else stage.postgres.kill)()
            scene.injected += 1
            time.sleep(0.5)
            stage.postgres.start()
            scene.recovered(time.monotonic())
        scene.promised_seconds = _RESUMED_SECONDS
        names = {True: "fast restart", False: "kill -9"}
        return scene.finished("20", "PostgreSQL " + " and ".join(names[how] for how in sorted(set(gracefully))))


def unreachable(stage: Stage, seconds: float, silent_seconds: float) -> Outcome:
    """Break the way to the database for a while, then let the database be reached and say nothing.

    Meanwhile the services stay alive, say that they are not ready, and resume by themselves.
    """
    with stage.scene(LONG_CANDLES) as scene, proxied(scene.store_url) as proxy:
        scene.start_all({"DATABASE_URL": proxy.url(scene.store_url)})
        scene.wait_for_trading()
        _play_cut(scene, proxy, seconds)
        proxy.blackhole()
        scene.injected += 1
        time.sleep(silent_seconds)
        proxy.heal()
        scene.recovered(time.monotonic())
        scene.promised_seconds = _REACHED_SECONDS
        return scene.finished("21", f"PostgreSQL unreachable for {seconds:g} s, silent for {silent_seconds:g} s")


def _play_cut(scene: Scene, proxy: TcpProxy, seconds: float) -> None:
    proxy.cut()
    scene.injected += 1
    cut = time.monotonic()
    scene.wait(lambda: not any(_says(scene, name, "readyz") for name in SERVICES), "no service says it is ready")
    scene.notes["not ready after, seconds"] = time.monotonic() - cut
    time.sleep(max(0.0, cut + seconds - time.monotonic()))
    assert all(_says(scene, name, "healthz") for name in SERVICES), "a service takes itself for dead"
    proxy.heal()
    scene.recovered(time.monotonic())
    scene.wait(lambda: all(_says(scene, name, "readyz") for name in SERVICES), "all services are ready again")


def disk_full(stage: Stage, disk: SmallDisk, seconds: float) -> Outcome:
    """Fill the disk on which the database lies, and free it after a while.

    Where the server cannot go on it ends; it is started again after that, as whoever watches over it would.
    """
    with open_own_postgres_server(disk=disk.folder) as postgres:
        small = Stage(stage.rabbit, postgres, stage.folder / disk.folder.name, stage.outcomes)
        with small.scene(LONG_CANDLES) as scene:
            scene.pace = scene.script.pace_for(seconds + 5.0)
            scene.start_all()
            scene.wait_for_trading()
            disk.fill()
            try:
                _wait_on_full_disk(scene, seconds)
            finally:
                disk.free()
            began = time.monotonic()
            scene.notes["server ended"] = "no" if postgres.is_running() else "yes"
            postgres.start()
            scene.recovered(began)
            scene.promised_seconds = _REACHED_SECONDS
            return scene.finished("22", f"PostgreSQL on a full disk for {seconds:g} s")


def _wait_on_full_disk(scene: Scene, seconds: float) -> None:
    scene.injected += 1
    full = time.monotonic()
    scene.wait(lambda: any("No space left" in scene.deployment.log_of(name) for name in SERVICES), "a service tells it")
    scene.notes["told after, seconds"] = time.monotonic() - full
    time.sleep(max(0.0, full + seconds - time.monotonic()))
    assert all(_says(scene, name, "healthz") for name in SERVICES), "a service takes itself for dead"


def both_away_at_start(stage: Stage, seconds: float) -> Outcome:
    """Start the services without database and broker; they wait without working hard, and begin as each comes."""
    with stage.scene() as scene:
        stage.postgres.stop()
        stage.rabbit.stop_serving()
        scene.injected += 2
        scene.start_all()
        _wait_for_words(scene, SERVICES, "store is away")
        _note_idleness(scene, SERVICES, "without a database", seconds)
        stage.postgres.start()
        scene.recovered(time.monotonic())
        _wait_for_words(scene, CONSUMERS, "broker is away")
        scene.wait(lambda: scene.traded() == scene.script.candles, "all is traded without a broker")
        _note_idleness(scene, CONSUMERS, "without a broker", seconds)
        stage.rabbit.start()
        note_consuming(scene, time.monotonic())
        scene.promised_seconds = _REACHED_SECONDS
        return scene.finished("start", "PostgreSQL and broker down at start")


def _wait_for_words(scene: Scene, services: Sequence[str], words: str) -> None:
    for name in services:
        scene.wait(lambda name=name: scene.told(name, words) > 0, f"{name} tells that {words}")  # type: ignore[misc]


def _note_idleness(scene: Scene, services: Sequence[str], when: str, seconds: float) -> None:
    """Note the largest share of a processor that a waiting service takes."""
    before = {name: scene.processor_seconds(name) for name in services}
    time.sleep(seconds)
    shares = [(scene.processor_seconds(name) - before[name]) / seconds for name in services]
    scene.notes[f"processor share {when}"] = max(shares)


def _says(scene: Scene, name: str, probe: str) -> bool:
    """Return whether a service answers a probe with yes."""
    address = f"http://127.0.0.1:{scene.deployment.health_port(name)}/{probe}"
    try:
        with urlopen(address, timeout=5) as answer:
            document: dict[str, object] = json.load(answer)
    except HTTPError as refused:
        refused.close()
        return False
    return bool(document.get("ready", document.get("alive")))
