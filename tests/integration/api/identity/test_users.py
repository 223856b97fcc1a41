"""Users and sessions over HTTP: who may change whom, what ends at once, and what takes the password once more."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, Final

import httpx
import pytest

from services.api.problems import CONFIRM
from services.api.security.access import ACCESS, CONFIRMED
from services.api.security.accounts import Accounts
from shared.contracts.vocabulary import Role
from shared.store.sql_store import open_store
from tests.fixtures.api import PASSWORD, Api, quick_passwords, running
from tests.fixtures.api_stores import api, quick_api, server_url

__all__ = ["api", "quick_api", "server_url"]

OTHER: Final = "tulip gravel orbit 31"
WEAK: Final = "changeme-changeme"
UNKNOWN_ID: Final = "a" * 22


def ask(api: Api, method: str, path: str, body: object = None, by: str = "admin", **kept: float) -> httpx.Response:
    return api.client.request(method, path, json=body, headers=api.sign_in(by, **kept).headers)


def signs_in(api: Api, name: str, password: str = PASSWORD) -> int:
    with httpx.Client(base_url=api.client.base_url) as client:
        return client.post("/auth/login", json={"username": name, "password": password}).status_code


def is_signed_in(api: Api, headers: dict[str, str]) -> bool:
    return api.client.get("/auth/me", headers=headers).status_code == 200


def audited(api: Api) -> list[tuple[str, str, str]]:
    with api.store.reading() as reader:
        return [(row.actor, row.action, row.detail_json) for row in reader.audit_in_order()][3:]


def users(api: Api) -> dict[str, tuple[str, bool]]:
    with api.store.reading() as reader:
        return {user.name: (user.role, user.disabled) for user in reader.users()}


def test_a_disabled_admin_does_not_count_as_another_one(api: Api) -> None:
    assert ask(api, "POST", "/api/users", {"name": "ann", "role": "admin", "password": OTHER}).status_code == 201
    assert ask(api, "POST", "/api/users/ann/disable").status_code == 200
    refused = ask(api, "PUT", "/api/users/admin/role", {"role": "viewer"})
    assert (refused.status_code, users(api)["admin"]) == (409, ("admin", False))


def test_an_admin_adds_a_user_who_may_then_sign_in(api: Api) -> None:
    added = ask(api, "POST", "/api/users", {"name": "ann", "role": "operator", "password": OTHER})
    assert added.status_code == 201
    assert {**added.json(), "created": ""} == {"name": "ann", "role": "operator", "disabled": False, "created": ""}
    assert signs_in(api, "ann", OTHER) == 200
    assert audited(api)[0] == ("admin", "user.added", '{"role":"operator","user":"ann"}')
    assert OTHER not in api.log.getvalue()


@pytest.mark.parametrize(
    ("path", "body", "action"),
    [
        ("PUT /api/users/operator/role", {"role": "viewer"}, "user.role_set"),
        ("PUT /api/users/operator/password", {"password": OTHER}, "user.password_set"),
        ("POST /api/users/operator/disable", None, "user.disabled"),
    ],
)
def test_a_change_ends_the_sessions_of_its_user_at_once_and_on_every_process(
    api: Api, path: str, body: object, action: str
) -> None:
    sessions = [api.sign_in("operator") for _ in range(2)]
    bystander = api.sign_in("viewer")
    with running(api.store) as other:
        assert is_signed_in(other, other.shown(sessions[1]))
        method, _, where = path.partition(" ")
        assert ask(api, method, where, body).status_code == 200
        assert not any(is_signed_in(each, each.shown(signed)) for each in (other, api) for signed in sessions)
        assert is_signed_in(other, other.shown(bystander))
    assert [(actor, done) for actor, done, _ in audited(api)] == [("admin", action)]
    assert '"sessions_ended":2' in audited(api)[0][2]


def test_a_role_is_that_of_the_next_request(quick_api: Api) -> None:
    assert ask(quick_api, "PUT", "/api/users/viewer/role", {"role": "admin"}).json()["role"] == "admin"
    assert quick_api.get("/api/users", "viewer").status_code == 200


def test_a_disabled_user_is_let_in_again(quick_api: Api) -> None:
    assert ask(quick_api, "POST", "/api/users/viewer/disable").json()["disabled"] is True
    assert signs_in(quick_api, "viewer") == 401
    assert ask(quick_api, "POST", "/api/users/viewer/enable").json()["disabled"] is False
    assert signs_in(quick_api, "viewer") == 200


REFUSED: Final[list[tuple[str, object, int, str]]] = [
    ("POST /api/users", {"name": "viewer", "role": "viewer", "password": OTHER}, 409, "already"),
    ("POST /api/users", {"name": "ann", "role": "viewer", "password": WEAK}, 422, "too easy to guess"),
    ("POST /api/users", {"name": "ann", "role": "king", "password": OTHER}, 422, "body.role"),
    ("POST /api/users", {"name": "cli", "role": "viewer", "password": OTHER}, 422, "is not a valid user name"),
    ("POST /api/users", {"name": "ann\n", "role": "viewer", "password": OTHER}, 422, "body.name"),
    ("POST /api/users", {"name": "a'--", "role": "viewer", "password": OTHER}, 422, "body.name"),
    ("POST /api/users", {"name": "ann", "role": "viewer", "password": OTHER, "id": 1}, 422, "body.id"),
    ("PUT /api/users/viewer/password", {"password": WEAK}, 422, "too easy to guess"),
    ("PUT /api/users/viewer/password", {"password": 15}, 422, "body.password"),
    ("PUT /api/users/dave/password", {"password": OTHER}, 404, "no user 'dave'"),
    ("PUT /api/users/dave/role", {"role": "viewer"}, 404, "no user 'dave'"),
    ("POST /api/users/dave/disable", None, 404, "no user 'dave'"),
    ("POST /api/users/%00/disable", None, 422, "path.name"),
    ("PUT /api/users/admin/role", {"role": "viewer"}, 409, "last admin"),
    ("POST /api/users/admin/disable", None, 409, "last admin"),
]


def test_what_cannot_be_done_with_users_is_said(api: Api) -> None:
    before = users(api)
    for path, body, status, part in REFUSED:
        method, _, where = path.partition(" ")
        answer = ask(api, method, where, body)
        assert (answer.status_code, path) == (status, path)
        assert part in answer.json()["detail"]
        assert not any(secret in answer.text for secret in (OTHER, WEAK))
    assert users(api) == before
    assert audited(api) == []


def test_of_two_admins_who_demote_each_other_one_stays(api: Api) -> None:
    accounts = Accounts(api.store, quick_passwords(), lambda: 0.0, "tests")
    accounts.set_role("operator", "admin")
    asked = {name: api.sign_in(name).headers for name in ("admin", "operator")}

    def demote(name: str) -> int:
        of_the_other = asked["operator" if name == "admin" else "admin"]
        path = f"/api/users/{name}/role"
        return api.client.put(path, json={"role": "viewer"}, headers=of_the_other).status_code

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(demote, ("admin", "operator")))
    assert 200 in answers
    assert [role for role, _ in users(api).values()].count("admin") == 1


CONFIRMED_REQUESTS: Final[dict[tuple[str, str], object]] = {
    ("POST", "/api/users"): {"name": "ann", "role": "viewer", "password": OTHER},
    ("PUT", "/api/users/{name}/password"): {"password": OTHER},
    ("PUT", "/api/users/{name}/role"): {"role": "operator"},
    ("POST", "/api/users/{name}/disable"): None,
    ("POST", "/api/users/{name}/enable"): None,
}


def test_every_change_of_users_takes_the_password_once_more() -> None:
    changes = {route for route, least in ACCESS.items() if route[0] != "GET" and route[1].startswith("/api/users")}
    assert changes <= CONFIRMED
    assert all(ACCESS[route] is not None for route in CONFIRMED)
    assert all(ACCESS[route] is Role.ADMIN for route in changes)


def test_what_takes_the_password_once_more_is_refused_until_it_is_given(quick_api: Api) -> None:
    for (method, template), body in CONFIRMED_REQUESTS.items():
        path = template.replace("{name}", "viewer")
        before = users(quick_api)
        signed = quick_api.sign_in("admin", confirmed_seconds=-1)
        refused = quick_api.client.request(method, path, json=body, headers=signed.headers)
        assert (refused.status_code, refused.json()["type"]) == (403, CONFIRM)
        assert "POST /auth/confirm" in refused.json()["detail"]
        assert users(quick_api) == before
        confirmed = quick_api.client.post("/auth/confirm", json={"password": PASSWORD}, headers=signed.headers)
        assert confirmed.status_code == 200
        again = quick_api.client.request(method, path, json=body, headers=cookie_of(confirmed))
        assert again.status_code in (200, 201)


def cookie_of(answer: httpx.Response) -> dict[str, str]:
    return {"Cookie": answer.headers.get_list("set-cookie")[-1].partition(";")[0]}


def test_letting_entries_go_on_after_the_kill_switch_takes_the_password_once_more(quick_api: Api) -> None:
    sent = {}
    for kind in ("KILL_SWITCH_ON", "KILL_SWITCH_OFF"):
        for confirmed in (-1, 300):
            answer = ask(quick_api, "POST", "/api/commands", {"type": kind}, "operator", confirmed_seconds=confirmed)
            sent[kind, confirmed] = answer.status_code, answer.json().get("type")
    assert sent == {
        ("KILL_SWITCH_ON", -1): (202, "KILL_SWITCH_ON"),
        ("KILL_SWITCH_ON", 300): (202, "KILL_SWITCH_ON"),
        ("KILL_SWITCH_OFF", -1): (403, CONFIRM),
        ("KILL_SWITCH_OFF", 300): (202, "KILL_SWITCH_OFF"),
    }


def test_a_role_that_does_not_allow_it_is_not_asked_for_the_password(quick_api: Api) -> None:
    refused = ask(quick_api, "POST", "/api/users/viewer/disable", by="operator", confirmed_seconds=-1)
    assert (refused.status_code, refused.json()["type"]) == (403, "about:blank")


def test_confirming_gives_a_new_token_and_ends_the_old_one(api: Api) -> None:
    signed = api.sign_in("viewer", confirmed_seconds=-1)
    answer = api.client.post("/auth/confirm", json={"password": PASSWORD}, headers=signed.headers)
    assert answer.status_code == 200
    assert answer.json()["name"] == "viewer"
    new = cookie_of(answer)
    assert signed.token not in new["Cookie"]
    assert not is_signed_in(api, signed.headers)
    assert api.client.get("/auth/me", headers=new).json() == answer.json()
    assert audited(api) == [("viewer", "session.confirmed", "{}")]


def test_confirming_is_throttled_and_strangers_cannot_use_that_up(api: Api) -> None:
    signed = api.sign_in("admin")

    def confirm(password: str) -> int:
        body = {"password": password}
        return api.client.post("/auth/confirm", json=body, headers=signed.headers).status_code

    for _ in range(11):
        assert signs_in(api, "admin", OTHER) in (401, 429)
    assert signs_in(api, "admin") == 429
    assert [confirm(OTHER) for _ in range(10)] == [401] * 10
    assert [confirm(OTHER), confirm(PASSWORD)] == [429] * 2
    assert is_signed_in(api, signed.headers)


def test_one_changes_ones_own_password_with_the_present_one(api: Api) -> None:
    here, there = api.sign_in("viewer", confirmed_seconds=-1), api.sign_in("viewer")
    body = {"password": PASSWORD, "new_password": OTHER}
    answer = api.client.put("/api/auth/password", json=body, headers=here.headers)
    assert answer.status_code == 200
    assert not is_signed_in(api, here.headers)
    assert not is_signed_in(api, there.headers)
    assert is_signed_in(api, cookie_of(answer))
    assert (signs_in(api, "viewer"), signs_in(api, "viewer", OTHER)) == (401, 200)
    assert audited(api)[0] == ("viewer", "user.password_set", '{"sessions_ended":2,"user":"viewer"}')


def test_ones_own_password_stays_where_it_cannot_be_changed(quick_api: Api) -> None:
    signed = quick_api.sign_in("viewer")
    refused: list[tuple[dict[str, str], int]] = [
        ({"password": OTHER, "new_password": OTHER}, 401),
        ({"password": PASSWORD, "new_password": WEAK}, 422),
        ({"password": PASSWORD}, 422),
        ({"new_password": OTHER}, 422),
    ]
    for body, status in refused:
        answer = quick_api.client.put("/auth/password", json=body, headers=signed.headers)
        assert answer.status_code == status
    assert is_signed_in(quick_api, signed.headers)
    assert signs_in(quick_api, "viewer") == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda accounts: accounts.set_password("viewer", OTHER),
        lambda accounts: accounts.disable("viewer"),
        lambda accounts: accounts.set_role("viewer", "operator"),
    ],
    ids=["password", "disabled", "role"],
)
def test_who_was_changed_while_the_password_was_checked_is_not_let_in(
    url: str, change: Callable[[Accounts], None]
) -> None:
    class Overtaken:
        def __init__(self, accounts: Accounts) -> None:
            self._accounts, self._passwords = accounts, quick_passwords()

        def fits(self, kept: str | None, password: str) -> bool:
            fits = self._passwords.fits(kept, password)
            change(self._accounts)
            return fits

        def is_outdated(self, kept: str) -> bool:
            return False

    with closing(open_store(url)) as store:
        accounts = Accounts(store, quick_passwords(), lambda: 0.0, "tests")
        with running(store, passwords=Overtaken(accounts)) as api:
            assert signs_in(api, "viewer") == 401


def test_one_sees_ones_own_sessions_and_ends_them(api: Api) -> None:
    here, there = api.sign_in("viewer"), api.sign_in("viewer")
    api.sign_in("viewer", idle_seconds=-1)
    listed = api.client.get("/api/sessions", headers=here.headers)
    shown: list[dict[str, Any]] = listed.json()["items"]
    assert {(each["id"], each["current"]) for each in shown} == {(here.id, True), (there.id, False)}
    assert all(each["address"] == "127.0.0.1" for each in shown)
    assert all(each["opened"] < each["ends_unless_used"] < each["ends"] for each in shown)
    ended = api.client.delete(f"/api/sessions/{there.id}", headers=here.headers)
    assert (ended.status_code, ended.content) == (204, b"")
    assert not is_signed_in(api, there.headers)
    assert is_signed_in(api, here.headers)
    again = api.client.delete(f"/api/sessions/{there.id}", headers=here.headers)
    assert again.status_code == 404
    assert audited(api) == [("viewer", "session.ended", f'{{"session":"{there.id}","user":"viewer"}}')]


def test_an_id_of_a_session_opens_nothing_and_tells_nothing_of_its_token(quick_api: Api) -> None:
    signed = quick_api.sign_in("admin")
    quick_api.client.post("/auth/login", json={"username": "viewer", "password": PASSWORD})
    listed = quick_api.client.get("/api/sessions", params={"user": "viewer"}, headers=signed.headers).json()
    identity = listed["items"][0]["id"]
    token = quick_api.client.cookies[quick_api.cookie()]
    assert len(identity) == 22
    assert identity not in token
    assert not is_signed_in(quick_api, {"Cookie": f"{quick_api.cookie()}={identity}"})


def test_the_sessions_of_others_are_for_admins(api: Api) -> None:
    signed = api.sign_in("viewer")
    for name, status in (("operator", 404), ("admin", 204)):
        other = api.sign_in(name)
        listed = api.client.get("/api/sessions", params={"user": "viewer"}, headers=other.headers)
        assert listed.status_code == (200 if name == "admin" else 403)
        ended = api.client.delete(f"/api/sessions/{signed.id}", headers=other.headers)
        assert ended.status_code == status
        assert is_signed_in(api, signed.headers) == (status == 404)


def test_sessions_that_are_not_there_are_said_to_be_so(api: Api) -> None:
    for method, path, status in (
        ("GET", "/api/sessions?user=dave", 404),
        ("GET", "/api/sessions?user=%27--", 422),
        ("GET", "/api/sessions?all=1", 422),
        ("DELETE", f"/api/sessions/{UNKNOWN_ID}", 404),
        ("DELETE", "/api/sessions/1", 422),
        ("DELETE", "/api/sessions/%00", 422),
    ):
        assert (ask(api, method, path).status_code, path) == (status, path)


def test_a_disabled_user_has_no_open_sessions_to_see(quick_api: Api) -> None:
    quick_api.sign_in("viewer")
    ask(quick_api, "POST", "/api/users/viewer/disable")
    assert quick_api.get("/api/sessions", user="viewer").json() == {"items": []}
