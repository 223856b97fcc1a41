"""Measure commands over HTTP: accepted with the broker there and away, carried out, and beside a bare route.

Arguments: a candle file that floods the platform, a folder, and within how many seconds to be done.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import cycle
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any, Final

import httpx

from tests.benchmarks.api.commands_figures import ACCEPTED, APPLIED, BARE
from tests.benchmarks.deployed.bare_loop import PAIR
from tests.benchmarks.ground import Ground, Servers, servers
from tests.faults.played.command_clients import sessions
from tests.fixtures.api import cookie_of
from tests.fixtures.deployed import Deployment, wait_until
from tests.servers.errors import ServerError, UnavailableError
from tests.servers.ports import free_ports

# No user may send more than sixty in a minute.
_USERS: Final = 80
_START_SECONDS: Final = 30.0
_DONE_SECONDS: Final = 60.0
_BODIES: Final = [{"type": f"{kind}_PAIR", "payload": {"pair": PAIR}} for kind in ("PAUSE", "RESUME")]
_APPLIED: Final = """
SELECT 1000 * extract(epoch FROM pg_xact_commit_timestamp(commands.xmin) - pg_xact_commit_timestamp(sent.xmin))::float8
FROM commands JOIN audit_log AS sent ON sent.command_id = commands.id AND sent.action = 'command.sent'
WHERE commands.status = 'SUCCEEDED' AND commands.id > {first}
"""


class _Sender:
    """Somebody who sends one command after the other, in the names of many users."""

    def __init__(self, address: str, tokens: Sequence[str]) -> None:
        self._client = httpx.Client(base_url=address, timeout=20)
        self._names = cycle([{"Cookie": cookie_of(token, self._client.base_url.port)} for token in tokens])
        self._bodies = cycle(_BODIES)

    def accepted(self, count: int) -> list[float]:
        """Return the milliseconds that each of some commands took to be accepted."""
        found = []
        for _ in range(count):
            began = time.perf_counter()
            answer = self._client.post("/api/commands", json=next(self._bodies), headers=next(self._names))
            found.append(1_000 * (time.perf_counter() - began))
            assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return found

    def answers(self) -> bool:
        """Return whether there is an API."""
        try:
            return self._client.get("/healthz").is_success
        except httpx.TransportError:
            return False

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def measure(opened: Servers, flood: str, folder: Path, end: float) -> dict[str, Any]:
    """Send commands in each state of the platform, in turns with the bare route; `end` is by the monotonic clock."""
    ground = opened.new_ground()
    rabbit = opened.rabbit
    with (
        closing(Deployment(ground.store_url, ground.broker_url, folder)) as deployment,
        bare_route(ground) as bare,
        started(deployment, ground) as sender,
    ):
        sender.accepted(20)
        bare.accepted(20)
        found: dict[str, list[float]] = {"bare": [], "healthy": []}
        for _ in range(2):
            found["bare"] += bare.accepted(BARE // 2)
            found["healthy"] += sender.accepted(ACCEPTED // 2)
        found["applied"] = _applied(ground, sender, lambda sent: sent < APPLIED)
        rabbit.pause()
        found["broker stopped"] = sender.accepted(ACCEPTED)
        rabbit.kill()
        found["broker killed"] = sender.accepted(ACCEPTED)
        rabbit.start()
        deployment.start("strategy")
        deployment.start("ingest", "--csv", f"{PAIR}={flood}", "--speed", "max")
        wait_until(lambda: "replay begins" in deployment.log_of("ingest"), _START_SECONDS, "ingest floods")
        found["applied in a flood"] = _applied(
            ground, sender, lambda _sent: _is_flooded(ground, flood) and time.monotonic() < end
        )
    return {name: _percentiles(values) for name, values in found.items()}


@contextmanager
def started(deployment: Deployment, ground: Ground) -> Iterator[_Sender]:
    """Start an executor and an API, and give somebody who sends commands to it."""
    (port,) = free_ports(1)
    with closing(_Sender(f"http://127.0.0.1:{port}", sessions(ground.store_url, _USERS))) as sender:
        deployment.start("api", "--port", str(port))
        deployment.start("executor")
        wait_until(sender.answers, _START_SECONDS, "the API answers")
        wait_until(lambda: "consuming" in deployment.log_of("executor"), _START_SECONDS, "the executor consumes")
        yield sender


@contextmanager
def bare_route(ground: Ground) -> Iterator[_Sender]:
    """Start the bare route on the same database."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "tests.benchmarks.api.bare_route", ground.database, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with closing(_Sender(f"http://127.0.0.1:{port}", ["nobody"])) as sender:
            wait_until(sender.answers, _START_SECONDS, "the bare route answers")
            yield sender
    finally:
        process.kill()
        process.wait()


def _applied(ground: Ground, sender: _Sender, go_on: Callable[[int], bool]) -> list[float]:
    """Send commands at odd moments and return the milliseconds from the commit of each to that of its end."""
    _wait_until_done(ground)
    rng = Random(1)
    first = ground.rows("SELECT max(id) FROM commands")[0][0]
    sent = 0
    while go_on(sent):
        sender.accepted(1)
        sent += 1
        time.sleep(rng.uniform(0.05, 0.2))
    _wait_until_done(ground)
    return [row[0] for row in ground.rows(_APPLIED.format(first=first))]


def _wait_until_done(ground: Ground) -> None:
    waiting = "SELECT count(*) FROM commands WHERE status IN ('PENDING', 'RUNNING')"
    wait_until(lambda: ground.rows(waiting)[0][0] == 0, _DONE_SECONDS, "every command is done")


def _is_flooded(ground: Ground, flood: str) -> bool:
    with Path(flood).open("rb") as source:
        candles = sum(1 for _ in source) - 1
    return bool(ground.rows("SELECT count(*) FROM gate_snapshots")[0][0] < candles)


def _percentiles(milliseconds: Sequence[float]) -> Mapping[str, float]:
    steps = quantiles(milliseconds, n=100)
    return {"count": len(milliseconds), "p50": steps[49], "p99": steps[98], "longest": max(milliseconds)}


def main(arguments: Sequence[str]) -> None:
    """Print what was measured."""
    flood, folder, seconds = arguments
    end = time.monotonic() + float(seconds)
    try:
        with servers() as opened:
            print(json.dumps(measure(opened, flood, Path(folder), end)))
    except (UnavailableError, ServerError) as reason:
        sys.exit(f"private servers cannot run here: {reason}")


if __name__ == "__main__":
    main(sys.argv[1:])
