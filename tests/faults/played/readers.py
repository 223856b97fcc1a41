"""Those who read over HTTP while something is wrong, and how long they waited."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx

from tests.faults.played.command_clients import sessions
from tests.faults.stage import PATIENCE_SECONDS, Scene
from tests.fixtures.api import cookie_of
from tests.fixtures.deployed import wait_until
from tests.servers.ports import free_ports

API: Final = "api"
_PATHS: Final = ("/api/status", "/api/trades", "/api/equity", "/api/commands")
_THREADS: Final = 4
_ANSWER_SECONDS: Final = 20.0


class Readers:
    """Some threads that ask the API in turn, so many questions a second together."""

    def __init__(self, address: str, token: str, questions_a_second: float) -> None:
        """Begin to ask."""
        headers = {"Cookie": cookie_of(token, httpx.URL(address).port)}
        self.client = httpx.Client(base_url=address, headers=headers, timeout=_ANSWER_SECONDS)
        self._pause_seconds = _THREADS / questions_a_second
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._waits: list[float] = []
        self._refused: list[str] = []
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(_THREADS)]
        for thread in self._threads:
            thread.start()

    def forget(self) -> None:
        """Count from now on."""
        with self._lock:
            self._waits, self._refused = [], []

    def figures(self) -> dict[str, float | str]:
        """Return how many questions were answered, how many were not, and how long the slowest hundredth took."""
        with self._lock:
            waits, refused = sorted(self._waits), list(self._refused)
        figures: dict[str, float | str] = {"questions answered": len(waits)}
        if waits:
            figures["answered within, ms (99 %)"] = 1_000 * waits[int(0.99 * (len(waits) - 1))]
        if refused:
            figures["not answered"] = f"{len(refused)}, such as {refused[0]}"
        return figures

    def close(self) -> None:
        """Ask no more."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self.client.close()

    def _ask(self, number: int) -> None:
        while not self._stopped.wait(self._pause_seconds):
            path = _PATHS[number % len(_PATHS)]
            number += 1
            began = time.monotonic()
            try:
                answer = self.client.get(path)
                fault = "" if answer.status_code == httpx.codes.OK else f"{path}: {answer.status_code}"
            except httpx.TransportError as gone:
                fault = f"{path}: {type(gone).__name__}"
            with self._lock:
                if fault:
                    self._refused.append(fault)
                else:
                    self._waits.append(time.monotonic() - began)


@contextmanager
def reading(scene: Scene, questions_a_second: float) -> Iterator[Readers]:
    """Start an API in a scene and have it asked for as long as the block lasts."""
    address = f"http://127.0.0.1:{free_ports(1)[0]}"
    (token,) = sessions(scene.store_url, 1)
    scene.deployment.start(API, "--port", address.rpartition(":")[2])
    wait_until(lambda: _answers(address), PATIENCE_SECONDS, "the API answers")
    readers = Readers(address, token, questions_a_second)
    try:
        yield readers
    finally:
        readers.close()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
