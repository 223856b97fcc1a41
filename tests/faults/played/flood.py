"""More messages and requests than anybody could ask for."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Event, Thread
from typing import Final

import httpx
import psycopg

from shared.bus.rabbitmq_publisher import RabbitPublisher
from shared.bus.topology import candles_queue, topology
from shared.contracts.envelope import WireMessage
from shared.contracts.errors import InfrastructureError
from tests.faults.outcome import Outcome
from tests.faults.played.command_clients import post
from tests.faults.played.messages import outbox_after
from tests.faults.played.readers import reading
from tests.faults.stage import LONG_CANDLES, Scene, Stage

_MESSAGES_A_SECOND: Final = 5_000
_QUESTIONS_A_SECOND: Final = 200.0
_MOST_MEGABYTES: Final = 50.0
_DRAINED_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.2
_COMMAND_EVERY_SECONDS: Final = 1.0
# Of a pair that the script does not trade, so that the ledger stays what it is.
_COMMANDS: Final = tuple({"type": kind, "payload": {"pair": "GBP_USD"}} for kind in ("PAUSE_PAIR", "RESUME_PAIR"))


def flooded(stage: Stage, seconds: float) -> Outcome:
    """Announce candles again and again and ask the API all the time, while commands come and candles are traded."""
    with stage.scene(LONG_CANDLES) as scene:
        scene.pace = scene.script.pace_for(seconds + 5.0)
        scene.start_all()
        with reading(scene, _QUESTIONS_A_SECOND) as readers:
            scene.wait_for_trading()
            readers.forget()
            before, peak = scene.memory_megabytes(), dict[str, float]()
            waits: list[float] = []
            with _flood(scene) as flood:
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    waits.append(_seconds_of_command(scene, readers.client, len(waits), peak))
                scene.injected += flood.sent
                scene.notes["messages a second"] = flood.sent / (time.monotonic() - until + seconds)
            ended = time.monotonic()
            scene.wait(lambda: _is_drained(scene), "the flood has run off")
            scene.recoveries.append(time.monotonic() - ended)
            _look(scene, peak)
            scene.notes |= readers.figures()
        scene.promised_seconds = _DRAINED_SECONDS
        scene.notes["commands done within, s (worst)"] = max(waits)
        grown = {name: peak[name] - before[name] for name in before}
        scene.notes["most MB taken"] = max(grown.values())
        scene.notes["by"] = max(grown, key=grown.__getitem__)
        assert max(grown.values()) < _MOST_MEGABYTES, grown
        return scene.finished("26", f"flood of messages and requests for {seconds:g} s")


class _Flood:
    """Sends the messages that ingest has sent, over and over."""

    def __init__(self, scene: Scene) -> None:
        """Begin to send."""
        self._scene = scene
        self._stopped = Event()
        self.sent = 0
        self._thread = Thread(target=self._run, name="flood")
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        target = self._scene.store_url.replace("+psycopg", "")
        with psycopg.connect(target, autocommit=True) as connection:
            messages = [message for _, message in outbox_after(connection, "ingest")]
        batch = (messages * (_MESSAGES_A_SECOND // len(messages) + 1))[: _MESSAGES_A_SECOND // 10]
        with closing(RabbitPublisher(self._scene.broker_url, topology(), "tests.flood")) as publisher:
            began = time.monotonic()
            while not self._stopped.is_set():
                self._send(publisher, batch)
                self._stopped.wait(began + self.sent / _MESSAGES_A_SECOND - time.monotonic())

    def _send(self, publisher: RabbitPublisher, batch: list[WireMessage]) -> None:
        try:
            publisher.publish(batch)
        except InfrastructureError:
            # The queue is as long as it may be, and refuses more.
            self._stopped.wait(_LOOK_SECONDS)
        else:
            self.sent += len(batch)


@contextmanager
def _flood(scene: Scene) -> Iterator[_Flood]:
    flood = _Flood(scene)
    try:
        yield flood
    finally:
        flood.stop()


def _seconds_of_command(scene: Scene, client: httpx.Client, number: int, peak: dict[str, float]) -> float:
    """Send a command and return how long it took until it was done; then wait a little."""
    began = time.monotonic()
    command = post(client, f"flood-{number}", _COMMANDS[number % len(_COMMANDS)]).fixed[0]
    done = None
    while done is None or time.monotonic() - began < _COMMAND_EVERY_SECONDS:
        if done is None and _status(scene, command) == "SUCCEEDED":
            done = time.monotonic() - began
        _look(scene, peak)
        time.sleep(_LOOK_SECONDS)
    return done


def _status(scene: Scene, command: int) -> str:
    with scene.store.reading() as reader:
        row = reader.command(command)
    assert row is not None
    return row.status


def _look(scene: Scene, peak: dict[str, float]) -> None:
    """Keep the largest memory of each service."""
    for name, megabytes in scene.memory_megabytes().items():
        peak[name] = max(peak.get(name, 0.0), megabytes)


def _is_drained(scene: Scene) -> bool:
    return scene.ready(candles_queue()) == 0 and scene.traded() == scene.stored()
