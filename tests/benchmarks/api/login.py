"""Measure how the API bears abuse of its login: a real process over a private PostgreSQL, with hashes of full cost.

With `probe URL` it asks that address until its input ends, and prints how
long the answers took.
"""

import asyncio
import http.client
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import psycopg

from services.api.security.accounts import Accounts
from services.api.security.passwords import Passwords
from shared.store.schema import upgrade
from shared.store.sql_store import open_store
from tests.servers.choice import SWITCH, open_postgres_server
from tests.servers.errors import ServerError, UnavailableError
from tests.servers.ports import free_ports

_TIMED_TRIES: Final = 200
_TRIES: Final = 1_000
# All of them are hashed, which takes its time.
_HASHED_TRIES: Final = 250
_AT_ONCE: Final = 50
_LARGE_BODIES: Final = 50
_LARGE_BODY_PIECES: Final = 160
_PIECE_BYTES: Final = 65_536
_PROBE_PAUSE_SECONDS: Final = 0.02
_START_SECONDS: Final = 30.0
_PASSWORD: Final = "gravel spoon violin 88"  # noqa: S105
_WRONG: Final = "gravel spoon violin 89"
_LOCAL: Final = "127.0.0.1"


class _Api:
    """The process, how it is reached, and its database."""

    def __init__(self, process: "subprocess.Popen[bytes]", base: str, database: str) -> None:
        self.process = process
        self.base = base
        self._database = database

    def forget_attempts(self) -> None:
        """Let nobody wait any more."""
        with psycopg.connect(self._database, autocommit=True) as connection:
            connection.execute("DELETE FROM login_attempts")

    def resident_kibibytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(status.partition("VmRSS:")[2].split()[0])


def measure(api: _Api) -> dict[str, Any]:
    """Return every figure."""
    return {
        "timing": _timing(api),
        "one_name": _flooded(api, _TRIES, lambda _: "ann", lambda _: "198.51.100.7"),
        "many_names": _flooded(api, _HASHED_TRIES, lambda number: f"nobody{number}", lambda number: f"10.0.0.{number}"),
        "large_bodies": _large_bodies(api),
    }


def _timing(api: _Api) -> dict[str, float]:
    """Return the median milliseconds of a wrong password for a known and for an unknown name, in turns."""
    found: dict[str, list[float]] = {"ann": [], "nobody": []}
    with httpx.Client(base_url=api.base, timeout=20) as client:
        for number in range(_TIMED_TRIES + 5):
            for name, seconds in found.items():
                if number % 8 == 0:
                    api.forget_attempts()
                began = time.perf_counter()
                answer = client.post("/auth/login", json={"username": name, "password": _WRONG})
                seconds.append(time.perf_counter() - began)
                if answer.status_code != httpx.codes.UNAUTHORIZED:
                    raise ValueError(f"a wrong password was answered with {answer.status_code}")
    known, unknown = (1_000 * median(seconds[5:]) for seconds in found.values())
    return {"known_milliseconds": known, "unknown_milliseconds": unknown}


def _flooded(api: _Api, tries: int, name_of: Callable[[int], str], address_of: Callable[[int], str]) -> dict[str, Any]:
    """Return what came of many attempts at once, and how long /healthz took meanwhile."""
    api.forget_attempts()
    answers: list[int] = []

    async def attempt(client: httpx.AsyncClient, number: int) -> None:
        body = {"username": name_of(number), "password": _WRONG}
        # Each says where it comes from, as a proxy would: in truth they would come from many places.
        answer = await client.post("/auth/login", json=body, headers={"X-Forwarded-For": address_of(number)})
        answers.append(answer.status_code)

    with _probed(api) as probed:
        began = time.perf_counter()
        asyncio.run(_at_once(api.base, tries, attempt))
        seconds = time.perf_counter() - began
    counts = {str(status): answers.count(status) for status in sorted(set(answers))}
    return {"seconds": seconds, "answers": counts, **probed}


async def _at_once(base: str, tries: int, attempt: Callable[[httpx.AsyncClient, int], Awaitable[None]]) -> None:
    left = iter(range(tries))

    async def worker(client: httpx.AsyncClient) -> None:
        for number in left:
            await attempt(client, number)

    limits = httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE)
    async with httpx.AsyncClient(base_url=base, timeout=120, limits=limits) as client:
        await asyncio.gather(*(worker(client) for _ in range(_AT_ONCE)))


def _large_bodies(api: _Api) -> dict[str, Any]:
    """Return how bodies of 10 MB in chunks are answered, and by how much the process grew."""
    _send_large(api, 5)
    before = api.resident_kibibytes()
    refused = _send_large(api, _LARGE_BODIES)
    return {"sent": _LARGE_BODIES, "refused": refused, "growth_megabytes": (api.resident_kibibytes() - before) / 1_024}


def _send_large(api: _Api, count: int) -> int:
    """Send large bodies over plain sockets and return how many were answered with 413."""
    address, refused = urlsplit(api.base), 0
    for _ in range(count):
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=20)
        connection.putrequest("POST", "/auth/login")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        piece = f"{_PIECE_BYTES:x}\r\n".encode() + b" " * _PIECE_BYTES + b"\r\n"
        # The API says so, and closes, before all of it is sent.
        with suppress(ConnectionError):
            for _ in range(_LARGE_BODY_PIECES):
                connection.send(piece)
        with suppress(ConnectionError, http.client.HTTPException):
            refused += connection.getresponse().status == httpx.codes.REQUEST_ENTITY_TOO_LARGE
        connection.close()
    return refused


@contextmanager
def _probed(api: _Api) -> Iterator[dict[str, float]]:
    """Have another process ask /healthz for as long as the block lasts; what it found is there afterwards."""
    command = [sys.executable, "-m", "tests.benchmarks.api.login", "probe", f"{api.base}/healthz"]
    probe = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    found: dict[str, float] = {}
    try:
        yield found
        printed, _ = probe.communicate(timeout=60)
        found.update(json.loads(printed))
    finally:
        probe.kill()
        probe.wait()


def probe(url: str) -> dict[str, float]:
    """Ask an address until our input ends, and return percentiles of the time to its answers."""
    address, milliseconds = urlsplit(url), []
    while not select.select([sys.stdin], [], [], _PROBE_PAUSE_SECONDS)[0]:
        began = time.perf_counter()
        with closing(http.client.HTTPConnection(str(address.hostname), address.port, timeout=20)) as connection:
            connection.request("GET", address.path)
            if connection.getresponse().status != httpx.codes.OK:
                raise ValueError("the process says that it is not alive")
        milliseconds.append(1_000 * (time.perf_counter() - began))
    percentiles = quantiles(milliseconds, n=100)
    return {"health_count": len(milliseconds), "health_p50": percentiles[49], "health_p99": percentiles[98]}


@contextmanager
def _running() -> Iterator[_Api]:
    """Start a database server and the API on it, with a user and a proxy that it believes."""
    switch = os.environ.get(SWITCH, "") or ("" if find_spec("testcontainers") else "local")
    with open_postgres_server(switch, survives_power_cut=True) as server:
        url = server.url(server.new_database())
        upgrade(url)
        with closing(open_store(url)) as store:
            Accounts(store, Passwords(), time.time, "benchmark").add("ann", "admin", _PASSWORD)
        (port,) = free_ports(1)
        program = str(Path(sys.executable).with_name("scalpbot"))
        command = [program, "run", "api", "--port", str(port), "--health-port", "0", "--trusted-proxy", _LOCAL]
        environment = {name: value for name, value in os.environ.items() if name != SWITCH}
        process = subprocess.Popen(command, env={**environment, "DATABASE_URL": url}, stderr=subprocess.DEVNULL)
        try:
            api = _Api(process, f"http://{_LOCAL}:{port}", url.replace("+psycopg", ""))
            _wait_until_ready(api)
            yield api
        finally:
            process.kill()
            process.wait()


def _wait_until_ready(api: _Api) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if api.process.poll() is not None:
            raise ServerError(f"the API ended with exit code {api.process.returncode}")
        with suppress(httpx.TransportError):
            if httpx.get(f"{api.base}/readyz").status_code == httpx.codes.OK:
                return
        time.sleep(0.05)
    raise ServerError("the API did not get ready")


def main(arguments: Sequence[str]) -> None:
    """Print what was measured."""
    if arguments and arguments[0] == "probe":
        print(json.dumps(probe(arguments[1])))
        return
    try:
        with _running() as api:
            print(json.dumps(measure(api)))
    except (UnavailableError, ServerError) as reason:
        sys.exit(f"the API cannot run here: {reason}")


if __name__ == "__main__":
    main(sys.argv[1:])
