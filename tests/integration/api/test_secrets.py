"""The API as a process that handles secrets: none of them is told or written down, and abuse does not make it grow."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import make_url, select

from services.api.security.access import ACCESS
from services.api.security.accounts import Accounts
from services.api.security.passwords import Passwords
from shared.store.engine import database_url, open_engine
from shared.store.sql_store import open_store
from shared.store.tables.metadata import METADATA
from tests.fixtures.api import add_rows
from tests.integration.api.test_process import started
from tests.servers.ports import free_ports

PASSWORD: Final = "canary moor kettle 88"  # noqa: S105
WRONG: Final = "canary moor kettle 89"
NEW: Final = "canary tulip gravel 31"
OF_ANOTHER: Final = "canary orbit violin 17"
OF_THE_DATABASE: Final = "canary-of-the-database"
OF_OANDA: Final = "canary-of-oanda"
MOST_GROWTH_KIBIBYTES: Final = 5 * 1_024


def with_password(url: str, password: str) -> str:
    """Return a URL that holds a password; the server of the tests asks for none."""
    return make_url(url).set(password=password).render_as_string(hide_password=False)


def resident_kibibytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0])


class Listener:
    """A client that remembers all that it was told, but for the tokens that it has to be told."""

    def __init__(self, base: str) -> None:
        self.heard: list[str] = []
        self.tokens: set[str] = set()
        self.csrf_tokens: set[str] = set()
        self.client = httpx.Client(base_url=base, timeout=20)

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        answer = self.client.request(method, path, **given)
        headers = [f"{name}: {value}" for name, value in answer.headers.items() if name != "set-cookie"]
        body = answer.text
        self.tokens |= set(answer.cookies.values())
        if body.startswith("{") and "csrf_token" in answer.json():
            token = str(answer.json()["csrf_token"])
            self.csrf_tokens.add(token)
            body = body.replace(token, "")
        self.heard += [*headers, body]
        return answer

    def post(self, path: str, **body: str) -> int:
        return self.ask("POST", path, json=body).status_code


def use_everything(listener: Listener) -> None:
    """Sign in rightly and wrongly, change passwords, read all there is, and make mistakes."""
    assert listener.post("/auth/login", username="ann", password=WRONG) == 401
    assert listener.post("/auth/login", username=PASSWORD, password=WRONG) == 401
    assert listener.post("/auth/login", username="ann", password=PASSWORD) == 200
    assert listener.post("/auth/confirm", password=WRONG) == 401
    assert listener.post("/auth/confirm", password=PASSWORD) == 200
    assert listener.post("/api/users", name="bob", role="viewer", password=OF_ANOTHER) == 201
    assert listener.post("/api/users", name="bob", role="viewer", password=OF_ANOTHER) == 409
    assert listener.post("/api/users", name="bob", role=OF_ANOTHER, password=OF_ANOTHER) == 422
    assert listener.post("/api/users", name=NEW, role="viewer", password=OF_ANOTHER) == 422
    changed = listener.ask("PUT", "/auth/password", json={"password": PASSWORD, "new_password": NEW})
    assert changed.status_code == 200
    for method, path in ACCESS:
        if method == "GET" and path != "/api/events":
            filled = path.replace("{pair}", "EUR_USD").replace("{time}", "2014-05-08T00:05:00Z").replace("{id}", "1")
            query = {"pair": "EUR_USD"} if path == "/api/candles" else {}
            assert listener.ask(method, filled, params=query).status_code in (200, 404, 422)
    bad = {"Content-Type": "application/json"}
    assert listener.ask("POST", "/auth/login", content=f'{{"password":"{PASSWORD}"', headers=bad).status_code == 422
    assert listener.ask("GET", f"/api/trades?password={PASSWORD}").status_code == 422


def stored(url: str) -> Iterator[str]:
    engine = open_engine(database_url(url))
    with engine.connect() as connection:
        for table in METADATA.sorted_tables:
            for row in connection.execute(select(table)):
                yield str(tuple(row))
    engine.dispose()


def test_no_secret_is_told_or_written_down_and_who_is_disabled_elsewhere_is_out(postgres_url: str) -> None:
    with closing(open_store(postgres_url)) as store:
        accounts = Accounts(store, Passwords(64, 1), time.time, "tests")
        accounts.add("ann", "admin", PASSWORD)
        accounts.add("carol", "admin", PASSWORD)
        add_rows(store, 1, 2)
    (health_port,) = free_ports(1)
    surroundings = {"DATABASE_URL": with_password(postgres_url, OF_THE_DATABASE), "OANDA_API_KEY": OF_OANDA}
    with started(None, health_port=health_port, **surroundings) as (base, process):
        listener = Listener(base)
        use_everything(listener)
        metrics = httpx.get(f"http://127.0.0.1:{health_port}/metrics").text
        with closing(open_store(postgres_url)) as store:
            assert listener.ask("GET", "/auth/me").status_code == 200
            Accounts(store, Passwords(64, 1), time.time, "tests").disable("ann")
            assert listener.ask("GET", "/auth/me").status_code == 401
        listener.client.close()
        process.terminate()
        assert process.wait(20) == 0
        assert process.stderr is not None
        log = process.stderr.read()
    secrets = {PASSWORD, WRONG, NEW, OF_ANOTHER, OF_THE_DATABASE, OF_OANDA, *listener.tokens}
    assert len(listener.tokens) >= 3
    kept = "\n".join(stored(postgres_url))
    places = {"answers": "\n".join(listener.heard), "log": log, "metrics": metrics, "store": kept}
    assert "ann" in kept
    for place, text in places.items():
        assert text
        assert [secret for secret in secrets | listener.csrf_tokens if secret in text] == [], place
    times = [json.loads(line)["time"] for line in log.splitlines()]
    assert times
    assert all(each.endswith("Z") for each in times)


def test_large_bodies_do_not_make_the_process_grow(postgres_url: str) -> None:
    def endless(count: int) -> Iterator[bytes]:
        for _ in range(count):
            yield b" " * 65_536

    def flood(base: str, times: int) -> None:
        for _ in range(times):
            try:
                headers = {"Content-Type": "application/json"}
                answer = httpx.post(f"{base}/auth/login", content=endless(160), headers=headers, timeout=20)
                assert answer.status_code == 413
            except httpx.WriteError:
                pass  # It had said so, and closed, before all of it was sent.

    with closing(open_store(postgres_url)) as store:
        Accounts(store, Passwords(64, 1), time.time, "tests").add("ann", "admin", PASSWORD)
    with started(None, DATABASE_URL=postgres_url) as (base, process):
        flood(base, 3)
        before = resident_kibibytes(process.pid)
        flood(base, 10)
        assert resident_kibibytes(process.pid) - before < MOST_GROWTH_KIBIBYTES
        assert httpx.get(f"{base}/healthz").status_code == 200
