"""A day of trading in which something goes wrong every now and then."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Final, NamedTuple

from tests.faults.equipment.proxy import TcpProxy, proxied
from tests.faults.outcome import Outcome
from tests.faults.stage import CANDLES, PAIR, Scene, Stage
from tests.fixtures.deployed import SERVICES
from tests.fixtures.paper import PAIRS

_RECOVERED_SECONDS: Final = 30.0


class Day(NamedTuple):
    """How much is traded and how fast, how often something goes wrong, and how long a fault lasts that lasts."""

    candles: int
    pairs: tuple[str, ...]
    speed: float
    every_seconds: float
    lasting_seconds: float


WHOLE_DAY: Final = Day(288, PAIRS, 600.0, every_seconds=20.0, lasting_seconds=6.0)
SHORT_DAY: Final = Day(CANDLES, (PAIR,), 4_500.0, every_seconds=2.5, lasting_seconds=0.7)


class _Trouble:
    """Everything that can go wrong in a scene; each fault is over when its method returns."""

    def __init__(self, scene: Scene, broker: TcpProxy, database: TcpProxy, rng: Random, seconds: float) -> None:
        """Draw from `rng`; what lasts, lasts for so many seconds."""
        self._scene = scene
        self._broker = broker
        self._database = database
        self._rng = rng
        self._seconds = seconds
        self._environ = {"RABBITMQ_URL": broker.url(scene.broker_url), "DATABASE_URL": database.url(scene.store_url)}
        stage = scene.stage
        self.kinds: Final[Mapping[str, Callable[[], None]]] = {
            "service killed": self._kill,
            "service frozen": self._freeze,
            "service stopped": self._stop,
            "broker restarted": lambda: self._after(stage.rabbit.stop_serving, stage.rabbit.start),
            "broker killed": lambda: self._after(stage.rabbit.kill, stage.rabbit.start),
            "broker frozen": lambda: self._after(stage.rabbit.pause, stage.rabbit.resume),
            "broker silent": lambda: self._after(broker.blackhole, broker.heal),
            "broker's connections broken": lambda: self._after(broker.reset_peer, broker.heal),
            "database restarted": lambda: self._after(stage.postgres.stop, stage.postgres.start),
            "database killed": lambda: self._after(stage.postgres.kill, stage.postgres.start),
            "database frozen": lambda: self._after(stage.postgres.pause, stage.postgres.resume),
            "database silent": lambda: self._after(database.blackhole, database.heal),
            "database's connections broken": lambda: self._after(database.cut, database.heal),
            "messages sent again": self._send_again,
        }

    def start(self, name: str) -> None:
        """Start a service whose ways lead through the proxies."""
        self._scene.start(name, environ=self._environ)

    def _after(self, begin: Callable[[], object], end: Callable[[], object]) -> None:
        begin()
        try:
            time.sleep(self._seconds)
        finally:
            end()

    def _kill(self) -> None:
        victim = self._rng.choice(SERVICES)
        self._scene.deployment.kill(victim)
        self.start(victim)

    def _stop(self) -> None:
        victim = self._rng.choice(SERVICES)
        code, _seconds = self._scene.deployment.stop(victim)
        assert code == 0, self._scene.deployment.log_of(victim)[-2_000:]
        self.start(victim)

    def _freeze(self) -> None:
        process = self._scene.deployment.running[self._rng.choice(SERVICES)]
        self._after(lambda: process.send_signal(signal.SIGSTOP), lambda: process.send_signal(signal.SIGCONT))

    def _send_again(self) -> None:
        self._scene.execute("UPDATE outbox SET sent_at = NULL WHERE sent_at IS NOT NULL AND producer <> 'executor'")


def under_faults(stage: Stage, day: Day, seed: int) -> Outcome:
    """Trade a day under faults that are drawn from a seed, one after the other, and compare with a day without."""
    rng = Random(seed)
    with (
        stage.scene(day.candles, pairs=day.pairs) as scene,
        proxied(scene.broker_url) as broker,
        proxied(scene.store_url) as database,
    ):
        trouble = _Trouble(scene, broker, database, rng, day.lasting_seconds)
        scene.pace = f"{day.speed:g}"
        scene.notes["seed"] = str(seed)
        for name in SERVICES:
            trouble.start(name)
        scene.wait(lambda: scene.traded() > 0, "a candle is traded")
        played: Counter[str] = Counter()
        due = time.monotonic()
        while scene.traded() < scene.script.candles - len(day.pairs):
            kind = rng.choice(tuple(trouble.kinds))
            trouble.kinds[kind]()
            played[kind] += 1
            scene.injected += 1
            scene.recovered(time.monotonic(), f"a candle that came after '{kind}' is traded")
            due += day.every_seconds
            time.sleep(max(0.0, due - time.monotonic()))
        scene.promised_seconds = _RECOVERED_SECONDS
        scene.notes["candles"] = scene.script.candles
        scene.notes["trades"] = scene.script.effects["trades"].total()
        scene.notes["of them"] = ", ".join(f"{count} x {kind}" for kind, count in sorted(played.items()))
        return scene.finished("day", f"a fault every {day.every_seconds:g} s at {day.speed:g} times the speed")
