"""The API below a path, behind a real reverse proxy that passes the path on and behind one that takes it off."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from services.api.root_path import checked_root_path
from services.cli.program import main
from shared.contracts.errors import InputError
from shared.store.sql_store import open_store
from tests.fixtures.api import PASSWORD, Api, add_rows, running
from tests.fixtures.new_store import new_sqlite
from tests.integration.api.proxy import reverse_proxy

ROOT_PATH = "/desk/fx"


@pytest.fixture(name="api")
def api_(tmp_path: Path) -> Iterator[Api]:
    with closing(open_store(new_sqlite(tmp_path / "api.db"))) as store, running(store, root_path=ROOT_PATH) as api:
        add_rows(store, 1, 3)
        yield api


@pytest.fixture(name="page", params=["passed on", "taken off"])
def page_(api: Api, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    upstream = str(api.client.base_url).rstrip("/")
    with (
        reverse_proxy(upstream, ROOT_PATH, passes_path=request.param == "passed on") as base,
        httpx.Client(base_url=base, timeout=20) as client,
    ):
        yield client


def signed_in(page: httpx.Client) -> str:
    answer = page.post("/auth/login", json={"username": "admin", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    assert f"Path={ROOT_PATH};" in answer.headers["set-cookie"]
    return str(answer.json()["csrf_token"])


def test_a_session_below_the_path_reads_commands_and_ends(page: httpx.Client) -> None:
    csrf = signed_in(page)
    assert page.get("/api/trades").json()["items"]
    sent = page.post("/api/commands", json={"type": "PAUSE_ALL"}, headers={"X-CSRF-Token": csrf})
    assert sent.status_code == 202
    where = sent.headers["location"]
    assert where.startswith(f"{ROOT_PATH}/api/commands/")
    assert page.get(httpx.URL(str(page.base_url)).join(where)).json()["type"] == "PAUSE_ALL"
    page.post("/auth/logout", headers={"X-CSRF-Token": csrf})
    assert [name for name in page.cookies if "device" not in name] == []
    assert page.get("/api/trades").status_code == 401


def test_whoever_reads_the_description_finds_the_routes(page: httpx.Client) -> None:
    signed_in(page)
    document = page.get("/api/openapi.json").json()
    assert document["servers"] == [{"url": ROOT_PATH}]
    assert "/api/trades" in document["paths"]


def test_refusals_name_the_address_that_was_asked(page: httpx.Client) -> None:
    refused = page.get("/api/nowhere").json()
    assert refused["instance"] == f"{ROOT_PATH}/api/nowhere"
    assert page.get("/api/trades").json()["instance"] == f"{ROOT_PATH}/api/trades"
    assert page.get("/api/trades/").status_code == 404


def test_events_come_through(page: httpx.Client) -> None:
    signed_in(page)
    with page.stream("GET", "/api/events", params={"after": 0}) as events:
        lines = events.iter_lines()
        assert next(lines) == "retry: 2000"
        assert any(line.startswith("data: ") for line in lines)


def test_health_is_told_with_the_path_and_without(page: httpx.Client, api: Api) -> None:
    assert page.get("/healthz").json() == {"alive": True}
    assert page.head("/readyz").status_code == 200
    assert api.client.get("/healthz").json() == {"alive": True}
    assert api.client.get("/desk/healthz").status_code == 404


def test_figures_name_routes_as_they_are_declared(page: httpx.Client) -> None:
    signed_in(page)
    page.get("/api/trades")
    assert 'scalpbot_api_requests_total{method="GET",route="/api/trades",status="200"}' in page.get("/metrics").text


def test_the_command_line_finds_it_there(
    page: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text(PASSWORD, encoding="utf-8")
    monkeypatch.setenv("SCALP_BOT_PASSWORD_FILE", str(tmp_path / "password"))
    base = str(page.base_url).rstrip("/")
    assert main(["commands", "send", "PAUSE_ALL", "--no-wait", "--url", base, "--user", "operator", "--json"]) == 0
    assert "PAUSE_ALL" in capsys.readouterr().out


def test_behind_tls_the_cookie_is_for_our_path_alone_and_no_other_of_the_host(tmp_path: Path) -> None:
    with (
        closing(open_store(new_sqlite(tmp_path / "api.db"))) as store,
        running(store, root_path=ROOT_PATH, behind_tls=True) as api,
    ):
        answer = api.client.post(f"{ROOT_PATH}/auth/login", json={"username": "viewer", "password": PASSWORD})
    cookie = answer.headers.get_list("set-cookie")[-1]
    assert cookie.startswith("__Secure-sid=")
    assert f"Path={ROOT_PATH};" in cookie
    assert "Secure" in cookie


@pytest.mark.parametrize(("text", "path"), [("", ""), ("/", ""), ("/desk/", "/desk"), ("/desk/fx-1", "/desk/fx-1")])
def test_root_path_may_end_with_a_slash(text: str, path: str) -> None:
    assert checked_root_path(text) == path


@pytest.mark.parametrize("text", ["desk", "/a b", "/a//b", "/..", "/x/../y", "/api", "/auth/x", "/metrics", "/a?b"])
def test_root_path_that_cannot_be_one_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--root-path"):
        checked_root_path(text)
