"""An API that requires second factors: whoever may change something reads, and sets one up, before anything else."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from services.api.security.access import ACCESS
from services.api.security.totp import STEP_SECONDS
from shared.store.sql_store import open_store
from tests.fixtures.api import PASSWORD, Api, Signed, running
from tests.fixtures.new_store import new_sqlite
from tests.integration.api.identity.enrolling import FACTOR, Clock, enrolled

PAUSE = {"type": "PAUSE_ALL"}
SETTING_UP = {f"{method} {FACTOR}" for method in ("POST", "PUT", "DELETE")}
SIGNING_OUT_AND_CONFIRMING = {f"POST {prefix}/auth/{what}" for prefix in ("", "/api") for what in ("logout", "confirm")}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def strict(tmp_path: Path, clock: Clock) -> Iterator[Api]:
    with (
        closing(open_store(new_sqlite(tmp_path / "paper.db"))) as store,
        running(store, clock=clock, second_factor_required=True) as api,
    ):
        yield api


def paused(api: Api, signed: Signed) -> httpx.Response:
    return api.client.post("/api/commands", json=PAUSE, headers=signed.headers)


@pytest.mark.parametrize("name", ["operator", "admin"])
def test_without_a_second_factor_one_reads_and_sets_one_up_and_then_does_all(
    strict: Api, clock: Clock, name: str
) -> None:
    signed = strict.sign_in(name)
    assert strict.client.get("/api/status", headers=signed.headers).status_code == 200
    refused = paused(strict, signed)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:scalpbot:problem:second-factor")
    assert refused.json()["detail"].startswith("set up a second factor first: POST /api/auth/second-factor")
    enrolled(strict, clock, name)
    assert paused(strict, signed).status_code == 401
    assert paused(strict, strict.sign_in(name)).status_code == 202
    clock.now += STEP_SECONDS


def test_who_may_only_read_anyway_needs_none(strict: Api) -> None:
    signed = strict.sign_in("viewer")
    given = {"password": PASSWORD, "new_password": "tulip gravel orbit 31"}
    assert strict.client.put("/auth/password", json=given, headers=signed.headers).status_code == 200


def test_every_route_that_changes_something_waits_for_it(strict: Api) -> None:
    """Those to set one up, and to sign out, are all that is open."""
    open_routes = set()
    for method, path in ACCESS:
        if method in ("GET", "HEAD") or path.endswith("/login"):
            continue
        signed = strict.sign_in("admin")
        answer = strict.client.request(method, path.replace("{id}", "1"), headers=signed.headers)
        if "urn:scalpbot:problem:second-factor" not in answer.text:
            open_routes.add(f"{method} {path}")
    assert open_routes == SETTING_UP | SIGNING_OUT_AND_CONFIRMING


def test_a_program_may_do_no_more_than_the_user_whose_token_it_has(strict: Api, clock: Clock) -> None:
    with running(strict.store, clock=clock) as lax:
        wanted = {"name": "robot", "role": "operator", "scope": "command"}
        made = lax.client.post("/api/tokens", json=wanted, headers=lax.sign_in("operator").headers)
    program = {"Authorization": f"Bearer {made.json()['token']}"}
    assert strict.client.get("/api/status", headers=program).status_code == 200
    assert strict.client.post("/api/commands", json=PAUSE, headers=program).status_code == 403
    enrolled(strict, clock)
    assert strict.client.post("/api/commands", json=PAUSE, headers=program).status_code == 202


def test_it_is_off_unless_it_is_asked_for(tmp_path: Path) -> None:
    with closing(open_store(new_sqlite(tmp_path / "paper.db"))) as store, running(store) as api:
        assert paused(api, api.sign_in("operator")).status_code == 202
