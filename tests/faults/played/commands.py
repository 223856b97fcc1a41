"""Commands over HTTP while executors, the API and the broker die: each accepted once, done once, told the same."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Final

import httpx

from shared.contracts.runs import RunMode
from shared.runtime.remembered import begin_run
from shared.settings.settings import load_settings
from tests.faults.outcome import Outcome, violations_of
from tests.faults.played.command_clients import (
    Answered,
    Crowd,
    body_of,
    disagreements,
    lost_and_doubled,
    post,
    sessions,
    unfinished,
)
from tests.faults.stage import CANDLES, PATIENCE_SECONDS, Scene, Stage
from tests.fixtures.api import cookie_of
from tests.servers.ports import free_ports

API: Final = "api"
EXECUTORS: Final = ("executor.1", "executor.2")
API_POINTS: Final = ("api.before_commit", "api.command_committed")
EXECUTOR_POINTS: Final = (
    "executor.command_claimed",
    "executor.command_done",
    "executor.before_commit",
    "executor.after_commit",
)
_KILLED: Final = 137
_CLIENTS: Final = 50
_POSTS: Final = 10
_KEYS: Final = 100
# Each life does some work before it ends.
_REPETITION: Final = 4


class _Points:
    """Crash points that some processes share: each is to be died at by one of them, whichever comes to work."""

    def __init__(self, points: Sequence[str]) -> None:
        """Begin with all of them to go."""
        self._to_go = Counter(points)
        self._taken: dict[str, str | None] = {}

    def next_for(self, name: str) -> str | None:
        """Return where a process that begins is to die, None when everything was died at."""
        others = Counter(point for other, point in self._taken.items() if other != name and point)
        # Who stands by may never come to work, so that the same point is given again where no other is left.
        free = [*(self._to_go - others), *self._to_go]
        self._taken[name] = free[0] if free else None
        return self._taken[name]

    def died(self, name: str) -> None:
        """Note that a process died at its point."""
        point = self._taken.pop(name, None)
        self._to_go -= Counter([point] if point else [])

    def is_outdated(self, name: str) -> bool:
        """Return whether a process is still to die though everything was died at."""
        return not self._to_go and self._taken.get(name) is not None


class _Lives:
    """A process that dies at one crash point after the other, and in the end at none."""

    def __init__(self, scene: Scene, name: str, address: str, points: _Points) -> None:
        """Begin its first life."""
        self._scene = scene
        self._name = name
        self._address = address
        self._points = points
        self._armed = False
        self._begin()

    def is_over(self) -> bool:
        """Look after it and return whether it lives its last life."""
        if self._scene.deployment.running[self._name].poll() is not None:
            code = self._scene.wait_for_death(self._name)
            assert code == _KILLED, self._scene.deployment.log_of(self._name)[-2_000:]
            self._points.died(self._name)
            self._begin_again()
        elif self._points.is_outdated(self._name):
            self._scene.deployment.kill(self._name)
            self._begin_again()
        return not self._armed

    def _begin_again(self) -> None:
        self._scene.injected += 1
        if self._name != API:
            self._scene.let_lease_run_out()
        self._begin()

    def _begin(self) -> None:
        point = self._points.next_for(self._name)
        self._armed = point is not None
        start(self._scene, self._name, self._address, point and f"{point}:{_REPETITION}")


def start(scene: Scene, name: str, address: str, crash_at: str | None = None) -> None:
    """Start an executor, or an API at an address; `crash_at` names the place at which it is to die."""
    if name == API:
        scene.deployment.start(API, "--port", address.rpartition(":")[2], crash_at=crash_at)
    else:
        scene.start(name, crash_at)


def answers_lost(stage: Stage, times: int) -> Outcome:
    """Kill the API around the commit of a command; sent again it is the same one. Then do without the broker.

    With the broker stopped, and then killed, commands are accepted and carried out all the same.
    """
    with stage.scene() as scene, ExitStack() as opened:
        address = _address()
        (token,) = sessions(scene.store_url, 1)
        headers = {"Cookie": cookie_of(token, httpx.URL(address).port)}
        client = opened.enter_context(httpx.Client(base_url=address, headers=headers, timeout=10))
        # Nobody trades here, so that nobody else writes down with what.
        begin_run(scene.store, load_settings(scene.script.config, {}), None, RunMode.OFFLINE, 0)
        scene.start("executor")
        answers = _sent_through_deaths(scene, client, API_POINTS * times)
        scene.wait(lambda: scene.told("executor", "consuming") > 0, "the executor consumes")
        for stop in (stage.rabbit.pause, stage.rabbit.kill):
            stop()
            scene.injected += 1
            key = len(API_POINTS) * times + len(answers)
            answers.append(post(client, f"key-{key}", body_of(key)))
            assert answers[-1].status == httpx.codes.ACCEPTED
            _wait_until_done(scene)
        # Whoever comes next is to find a broker that works.
        consuming = scene.told("executor", "consuming")
        stage.rabbit.start()
        scene.wait(lambda: scene.told("executor", "consuming") > consuming, "the executor consumes again")
        fault = "API killed around a commit; broker stopped, killed"
        return _outcome(scene, "4, 9", fault, answers, len({answer.key for answer in answers}))


def _sent_through_deaths(scene: Scene, client: httpx.Client, points: Sequence[str]) -> list[Answered]:
    """Send a command to an API that dies at each point, and again to the next one, which dies at the one after it."""
    answers: list[Answered] = []
    address = str(client.base_url).rstrip("/")
    start(scene, API, address, f"{points[0]}:1")
    for number, point in enumerate(points):
        _wait_until_answering(scene, client)
        key, body = f"key-{number}", body_of(number)
        with suppress(httpx.TransportError):
            client.post("/api/commands", json=body, headers={"Idempotency-Key": key})
        assert scene.wait_for_death(API) == _KILLED
        scene.injected += 1
        following = points[number + 1 : number + 2]
        # It lives through the two repetitions of this command.
        start(scene, API, address, f"{following[0]}:3" if following else None)
        answers += [post(client, key, body), post(client, key, body)]
        # Before its commit the command was not there, after it it was.
        assert [answer.status for answer in answers[-2:]] == [202 if point == API_POINTS[0] else 200, 200]
    return answers


def raced(stage: Stage, times: int = 1) -> Outcome:
    """Send commands from many clients at once with keys that repeat, while executors and the API are killed."""
    with stage.scene(CANDLES) as scene:
        address = _address()
        tokens = sessions(scene.store_url, _CLIENTS)
        for name in ("strategy", "ingest"):
            scene.start(name)
        shared = _Points(EXECUTOR_POINTS * times)
        lives = [_Lives(scene, name, address, shared) for name in EXECUTORS]
        lives.append(_Lives(scene, API, address, _Points(API_POINTS * times)))
        began = time.monotonic()
        crowd = Crowd(address, tokens, _POSTS * times, _KEYS * times)
        while sum(life.is_over() for life in lives) < len(lives) or not crowd.is_done() or _unfinished(scene):
            assert time.monotonic() - began < PATIENCE_SECONDS * times, "the commands come to no end"
            assert not crowd.faults, crowd.faults
            time.sleep(0.1)
        scene.notes["commands"] = _KEYS * times
        scene.notes["sent"] = len(crowd.answers)
        scene.notes["seconds"] = time.monotonic() - began
        scene.wait_until_settled()
        statuses = Counter(answer.status for answer in crowd.answers)
        scene.notes["answered 202"] = statuses[202]
        return _outcome(
            scene, "commands", "executors and API killed at every crash point", crowd.answers, _KEYS * times
        )


def _outcome(scene: Scene, row: str, fault: str, answers: list[Answered], commands: int) -> Outcome:
    with scene.store.reading() as reader:
        lost, doubled = lost_and_doubled(reader, commands)
        violations = [*disagreements(reader, answers), *violations_of(reader, None)]
    outcome = Outcome(row, fault, scene.injected, lost, doubled, tuple(violations), notes=dict(scene.notes))
    scene.stage.outcomes.append(outcome)
    return outcome


def _address() -> str:
    return f"http://127.0.0.1:{free_ports(1)[0]}"


def _wait_until_answering(scene: Scene, client: httpx.Client) -> None:
    def answers() -> bool:
        try:
            return client.get("/healthz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    scene.wait(answers, "the API answers")


def _wait_until_done(scene: Scene) -> None:
    scene.wait(lambda: _unfinished(scene) == 0, "every command is done")


def _unfinished(scene: Scene) -> int:
    with scene.store.reading() as reader:
        return unfinished(reader)
