"""Codes beside the password: from a device, each once, and recovery codes for when it is lost."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from services.api.security.totp import STEP_SECONDS, code_at
from shared.store.sql_store import open_store
from tests.fixtures.api import PASSWORD, Api, running
from tests.fixtures.api_stores import api, quick_api, server_url
from tests.fixtures.new_store import new_sqlite
from tests.integration.api.identity.enrolling import FACTOR, Clock, enrolled

__all__ = ["api", "quick_api", "server_url"]

CODE: Final = "urn:scalpbot:problem:code"
WRONG: Final = "gravel spoon violin 89"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(tmp_path: Path, clock: Clock) -> Iterator[Api]:
    path = new_sqlite(tmp_path / "paper.db")
    with closing(open_store(path)) as store, running(store, clock=clock) as api:
        yield api


def login(api: Api, password: str = PASSWORD, name: str = "operator", **code: Any) -> httpx.Response:
    api.client.cookies.clear()
    return api.client.post("/auth/login", json={"username": name, "password": password, **code})


@pytest.mark.parametrize(
    ("at", "code"), [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
)
def test_codes_are_those_of_the_standard(at: int, code: str) -> None:
    assert code_at("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", at // STEP_SECONDS) == code


def test_a_code_is_asked_for_beside_the_password_and_tells_nothing_without_it(timed: Api, clock: Clock) -> None:
    secret, _codes = enrolled(timed, clock)
    asked = login(timed)
    assert (asked.status_code, asked.json()["type"], "set-cookie" in asked.headers) == (401, CODE, False)
    wrong = login(timed, WRONG, code=code_at(secret, clock.step))
    assert (wrong.status_code, wrong.json()["type"]) == (401, "about:blank")
    assert login(timed, code="000000").json()["type"] == CODE
    assert login(timed, code=code_at(secret, clock.step)).status_code == 200
    assert login(timed, name="viewer").status_code == 200


def test_a_code_counts_once_and_only_about_its_time(timed: Api, clock: Clock) -> None:
    secret, _codes = enrolled(timed, clock)
    used = code_at(secret, clock.step)
    assert [login(timed, code=used).status_code for _ in range(2)] == [200, 401]
    clock.now += 10 * STEP_SECONDS
    statuses = [login(timed, code=code_at(secret, clock.step + around)).status_code for around in (-2, 2, -1, 1, 0)]
    assert statuses == [401, 401, 200, 200, 401]


def test_a_recovery_code_stands_for_the_device_once(timed: Api, clock: Clock) -> None:
    _secret, codes = enrolled(timed, clock)
    assert len(set(codes)) == 10
    assert all(len(code.replace("-", "")) * 5 >= 112 for code in codes)
    assert [login(timed, code=codes[0]).status_code for _ in range(2)] == [200, 401]
    assert login(timed, code=codes[1].upper().replace("-", " ")).status_code == 200
    other, _ = enrolled(timed, clock, "admin")
    assert login(timed, name="admin", code=codes[2]).status_code == 401
    assert login(timed, name="admin", code=code_at(other, clock.step)).status_code == 200


def test_codes_that_are_guessed_are_counted_like_passwords(timed: Api, clock: Clock) -> None:
    secret, _codes = enrolled(timed, clock)
    assert [login(timed, code=f"{number:06}").status_code for number in range(10)] == [401] * 10
    assert login(timed, code=code_at(secret, clock.step)).status_code == 429


def test_what_takes_the_password_once_more_takes_a_code_too(timed: Api, clock: Clock) -> None:
    secret, _codes = enrolled(timed, clock, "admin")
    headers = timed.sign_in("admin", confirmed_seconds=-1).headers
    off = {"type": "KILL_SWITCH_OFF"}
    assert timed.client.post("/api/commands", json=off, headers=headers).status_code == 403
    refused = timed.client.post("/auth/confirm", json={"password": PASSWORD}, headers=headers)
    assert (refused.status_code, refused.json()["type"]) == (401, CODE)
    given = {"password": PASSWORD, "code": code_at(secret, clock.step)}
    timed.client.cookies.clear()
    assert timed.client.post("/auth/confirm", json=given, headers=headers).status_code == 200
    assert timed.client.post("/api/commands", json=off).status_code == 202
    new = {"password": PASSWORD, "new_password": f"{PASSWORD} and more"}
    assert timed.client.put("/auth/password", json=new).json()["type"] == CODE
    new["code"] = code_at(secret, clock.step + 1)
    assert timed.client.put("/auth/password", json=new).status_code == 200


def test_a_second_factor_counts_only_once_its_device_showed_a_code(timed: Api, clock: Clock) -> None:
    signed, other = timed.sign_in("operator"), timed.sign_in("operator")
    secret = timed.client.post(FACTOR, headers=signed.headers).json()["secret"]
    assert timed.get(FACTOR, "operator").json() == {"asked_for": False}
    assert login(timed).status_code == 200
    timed.client.cookies.clear()
    wrong = timed.client.put(FACTOR, json={"code": "000000"}, headers=signed.headers)
    assert (wrong.status_code, wrong.json()["type"]) == (422, CODE)
    code = {"code": code_at(secret, clock.step)}
    assert timed.client.put(FACTOR, json=code, headers=signed.headers).status_code == 200
    assert timed.client.put(FACTOR, json=code, headers=signed.headers).status_code == 409
    assert timed.client.post(FACTOR, headers=signed.headers).status_code == 409
    assert timed.client.get(FACTOR, headers=signed.headers).json() == {"asked_for": True}
    assert timed.client.get("/auth/me", headers=other.headers).status_code == 401


def test_beginning_and_giving_up_take_the_password_once_more(timed: Api, clock: Clock) -> None:
    enrolled(timed, clock)
    headers = timed.sign_in("operator", confirmed_seconds=-1).headers
    for method in ("POST", "DELETE"):
        refused = timed.client.request(method, FACTOR, headers=headers)
        assert refused.json()["type"] == "urn:scalpbot:problem:confirm"
    assert timed.client.delete(FACTOR, headers=timed.sign_in("operator").headers).status_code == 204
    assert login(timed).status_code == 200


def test_an_admin_lets_a_user_in_who_lost_the_device(api: Api, clock: Clock) -> None:
    clock.now = api.context.clock()
    enrolled(api, clock)
    signed = api.sign_in("operator")
    path = "/api/users/operator/second-factor"
    assert api.client.delete(path, headers=signed.headers).status_code == 403
    admin = api.sign_in("admin").headers
    assert [api.client.delete(path, headers=admin).status_code for _ in range(2)] == [204, 404]
    assert api.client.get("/auth/me", headers=signed.headers).status_code == 401
    assert login(api).status_code == 200
    with api.store.reading() as reader:
        told = [(row.actor, row.action) for row in reader.audit_in_order()][3:5]
    assert told == [("operator", "user.second_factor_set"), ("admin", "user.second_factor_forgotten")]


def test_no_code_is_written_down(timed: Api, clock: Clock) -> None:
    secret, codes = enrolled(timed, clock)
    code = code_at(secret, clock.step)
    login(timed, code="123123")
    login(timed, code=code)
    login(timed, code=codes[0])
    text = timed.log.getvalue()
    with timed.store.reading() as reader:
        text += " ".join(str(row) for row in reader.audit_in_order())
    assert not any(each in text for each in (secret, code, "123123", *codes))
    assert "recovery code" in text
