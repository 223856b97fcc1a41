"""Whatever others do to the API, its health is told, and an operator switches everything off."""

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

import pytest

from services.api.cells import Cell
from services.api.reading import READS_AT_ONCE, READS_WAITING
from services.api.routes import exports as exports_route
from services.api.routes import status as status_route
from services.api.routes.events import STREAMS_OF_A_SESSION
from services.api.routes.exports import DOWNLOADS_OF_A_USER
from services.api.security.hash_turns import WAITING_IN_A_LINE
from services.api.security.passwords import Passwords
from shared.runtime.overview.account import AccountOverview, account_overview
from shared.store.port import Reader
from tests.fixtures.api import PASSWORD, Api, Signed, add_rows, quick_passwords, running
from tests.fixtures.api_stores import quick_api
from tests.fixtures.crowds.inbound import connected, many, rest_of
from tests.fixtures.deployed import wait_until

__all__ = ["quick_api"]

PATIENCE_SECONDS: Final = 20.0
KILL_SWITCH: Final = {"type": "KILL_SWITCH_ON"}


class Gate:
    """Holds up whoever comes by until it is opened."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._lock = threading.Lock()
        self.came = 0

    def __call__(self) -> None:
        with self._lock:
            self.came += 1
        assert self._opened.wait(60)

    def open(self) -> None:
        self._opened.set()


@contextmanager
def held_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Have /api/status take for ever for as long as the block lasts."""
    gate, overview = Gate(), account_overview

    def slow(reader: Reader) -> AccountOverview:
        gate()
        return overview(reader)

    with monkeypatch.context() as patched:
        patched.setattr(status_route, "account_overview", slow)
        try:
            yield gate
        finally:
            gate.open()


def port_of(api: Api) -> int:
    assert api.client.base_url.port is not None
    return api.client.base_url.port


def asking(signed: Signed, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {signed.cookie}\r\n\r\n".encode()


def statuses(connections: list[socket.socket]) -> list[int]:
    """Return the statuses of the answers that have come so far."""
    found = []
    for connection in connections:
        connection.setblocking(False)
        try:
            found.append(int(connection.recv(12, socket.MSG_PEEK).split()[1]))
        except BlockingIOError:
            continue
    return found


def refused(api: Api, reason: str) -> float:
    labels = {"server": "api", "reason": reason}
    return api.context.health.metrics.registry.get_sample_value("scalpbot_http_refused_total", labels) or 0.0


def test_idle_connections_and_halves_of_requests_keep_nobody_out(quick_api: Api) -> None:
    operator = quick_api.sign_in("operator").headers
    port = port_of(quick_api)
    with many(port, 520), many(port, 520, b"POST /api/commands HTTP/1.1\r\nHost: localhost\r\nX-Half: "):
        for _ in range(3):
            assert quick_api.client.get("/healthz").status_code == 200
            assert quick_api.client.post("/api/commands", json=KILL_SWITCH, headers=operator).status_code == 202
    assert refused(quick_api, "displaced") >= 2 * 520 - 250


def test_while_every_place_and_thread_is_taken_health_is_told_and_operators_are_heard(
    quick_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_up(monkeypatch), ExitStack() as held:
        for _ in range(8):
            stream = asking(quick_api.sign_in("viewer"), "/api/events")
            held.enter_context(many(port_of(quick_api), STREAMS_OF_A_SESSION, stream))
        for name in ("viewer", "operator", "admin"):
            read = asking(quick_api.sign_in(name), "/api/status")
            held.enter_context(many(port_of(quick_api), READS_AT_ONCE + READS_WAITING, read))
        wait_until(lambda: refused(quick_api, "no_place") > 0, PATIENCE_SECONDS, "every place is taken")

        assert quick_api.client.get("/healthz").status_code == 200
        assert quick_api.client.get("/readyz").status_code == 200
        operator = quick_api.sign_in("operator").headers
        for _ in range(3):
            assert quick_api.client.post("/commands", json=KILL_SWITCH, headers=operator).status_code == 202
        confirmed = quick_api.client.post("/auth/confirm", json={"password": PASSWORD}, headers=operator)
        assert confirmed.status_code == 200

        crowded = quick_api.client.get("/api/trades", headers=quick_api.sign_in("viewer").headers)
        assert (crowded.status_code, crowded.headers["retry-after"]) == (503, "1")
        assert crowded.json()["detail"] == "too many requests are being answered; try again"


def test_half_of_a_request_ends_its_connection_though_there_is_room(quick_api: Api) -> None:
    half = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Half: "
    with many(port_of(quick_api), 3, half) as halves:
        for each in halves:
            each.settimeout(PATIENCE_SECONDS)
            assert b" 200 " not in rest_of(each)


def test_a_user_who_reads_much_at_once_waits_and_others_do_not(quick_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    most = READS_AT_ONCE + READS_WAITING
    with held_up(monkeypatch) as gate:
        read = asking(quick_api.sign_in("viewer"), "/api/status")
        with many(port_of(quick_api), most + 7, read) as readers:
            wait_until(lambda: statuses(readers).count(429) == 7, PATIENCE_SECONDS, "what is too much is refused")
            wait_until(lambda: gate.came == READS_AT_ONCE, PATIENCE_SECONDS, "three are read")
            assert quick_api.get("/api/trades", "operator").status_code == 200
            gate.open()
            wait_until(lambda: statuses(readers).count(200) == most, PATIENCE_SECONDS, "those who waited are answered")


def test_a_user_is_sent_few_files_at_a_time(quick_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    add_rows(quick_api.store, 1, 2)
    gate, in_text = Gate(), exports_route._csv_text

    def slow(rows: Sequence[Sequence[Cell]]) -> str:
        gate()
        return in_text(rows)

    with monkeypatch.context() as patched:
        patched.setattr(exports_route, "_csv_text", slow)
        file = asking(quick_api.sign_in("viewer"), "/api/exports/gates.csv")
        with many(port_of(quick_api), 20, file) as readers:
            few = DOWNLOADS_OF_A_USER
            wait_until(lambda: statuses(readers).count(429) == 20 - few, PATIENCE_SECONDS, "the others are refused")
            gate.open()
            wait_until(lambda: statuses(readers).count(200) == few, PATIENCE_SECONDS, "those are sent")
    assert quick_api.get("/api/exports/gates.csv", "viewer").text.count("EUR_USD") == 2


@pytest.mark.parametrize("length", ["70000", "99999999999", "99999999999999999999"])
def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(quick_api: Api, length: str) -> None:
    head = "POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
    with connected(port_of(quick_api), f"{head}Content-Length: {length}\r\n\r\n".encode()) as connection:
        assert connection.recv(4_096).startswith(b"HTTP/1.1 413 ")


def test_of_a_long_path_the_beginning_is_repeated(quick_api: Api) -> None:
    refused = quick_api.client.get(f"/{'x' * 10_000}")
    assert refused.status_code == 404
    assert len(refused.content) < 1_000
    assert refused.json()["detail"] == f"/{'x' * 199}... does not exist"


class Slow:
    """Passwords whose check takes as long as a gate is closed."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._of: Passwords = quick_passwords()

    def fits(self, kept: str | None, password: str) -> bool:
        self._gate()
        return self._of.fits(kept, password)

    def is_outdated(self, kept: str) -> bool:
        return self._of.is_outdated(kept)


def login(name: str, password: str) -> bytes:
    body = json.dumps({"username": name, "password": password}).encode()
    head = (
        f"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    return head.encode() + b"\r\n\r\n" + body


def test_many_who_try_passwords_are_refused_at_once_and_who_is_signed_in_elsewhere_comes_first(quick_api: Api) -> None:
    gate = Gate()
    with running(quick_api.store, passwords=Slow(gate)) as api, ExitStack() as held:
        assert api.get("/auth/me", "operator").status_code == 200
        strangers = [
            held.enter_context(many(port_of(api), 1, login(f"nobody{number}", "moor kettle violin 89")))[0]
            for number in range(80)
        ]
        few = 1 + WAITING_IN_A_LINE
        wait_until(lambda: statuses(strangers) == [429] * (80 - few), PATIENCE_SECONDS, "most are refused")
        wait_until(lambda: gate.came == 1, PATIENCE_SECONDS, "one is checked")
        owner = held.enter_context(many(port_of(api), 1, login("operator", PASSWORD)))
        # Answered after that login has been looked at.
        assert api.client.get("/healthz").status_code == 200
        gate.open()
        wait_until(lambda: statuses(owner) == [200], PATIENCE_SECONDS, "the owner is signed in")
    registry = api.context.health.metrics.registry
    assert registry.get_sample_value("scalpbot_api_logins_total", {"outcome": "crowded"}) == 80 - few
