"""Signing in and out: cookies, wrong passwords, waiting, forged requests, and what is written down."""

import hmac
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from argon2 import extract_parameters

from services.api.security.accounts import Accounts
from services.api.security.passwords import Passwords
from services.api.security.proving import SESSIONS_OF_A_USER
from services.api.security.tokens import hash_of
from shared.store.engine import database_url, open_engine, writing
from shared.store.sql_store import open_store
from tests.fixtures.api import PASSWORD, Api, add_users, quick_passwords, running
from tests.fixtures.api_stores import api, quick_api, server_url
from tests.fixtures.new_store import new_sqlite

__all__ = ["api", "quick_api", "server_url"]

WRONG: Final = "gravel spoon violin 89"
OTHER_SITE: Final = "https://elsewhere.example"


def login(
    api: Api, name: str = "operator", password: str = PASSWORD, path: str = "/auth/login", **headers: str
) -> httpx.Response:
    return api.client.post(path, json={"username": name, "password": password}, headers=headers)


def logged(api: Api) -> list[dict[str, Any]]:
    return [json.loads(line) for line in api.log.getvalue().splitlines()]


def audited(api: Api) -> list[tuple[str, str]]:
    with api.store.reading() as reader:
        return [(row.actor, row.action) for row in reader.audit_in_order()][3:]


@pytest.mark.parametrize("path", ["/auth/login", "/api/auth/login"])
def test_who_signs_in_is_known_until_signing_out(api: Api, path: str) -> None:
    answer = login(api, path=path)
    assert answer.status_code == 200
    token = answer.json()["csrf_token"]
    assert answer.json() == {"name": "operator", "role": "operator", "csrf_token": token}
    cookie = answer.headers.get_list("set-cookie")[-1]
    assert cookie.startswith(f"{api.cookie()}=")
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert api.client.get("/auth/me").json() == answer.json()
    left = api.client.post("/auth/logout", headers={"X-CSRF-Token": token})
    assert (left.status_code, left.content) == (204, b"")
    headers = {"Cookie": cookie.partition(";")[0]}
    assert api.client.get("/auth/me", headers=headers).status_code == 401
    assert audited(api) == [("operator", "session.opened"), ("operator", "session.closed")]


def test_every_login_gets_a_token_of_its_own_and_only_its_hash_is_kept(quick_api: Api, tmp_path: Path) -> None:
    tokens = {login(quick_api).cookies[quick_api.cookie()] for _ in range(3)}
    assert len(tokens) == 3
    assert all(len(token) >= 43 for token in tokens)
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("paper.db*"))
    assert not any(token.encode() in stored for token in tokens)
    assert PASSWORD.encode() not in stored


def test_behind_tls_the_cookie_is_bound_to_host_and_tls(tmp_path: Path) -> None:
    path = new_sqlite(tmp_path / "paper.db")
    with closing(open_store(path)) as store, running(store, behind_tls=True) as api:
        answer = login(api)
    cookie = answer.headers.get_list("set-cookie")[-1]
    assert cookie.startswith("__Host-sid=")
    assert {"HttpOnly", "Path=/", "SameSite=strict", "Secure"} <= set(cookie.split("; "))
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")


@pytest.mark.parametrize(
    ("name", "password"), [("operator", WRONG), ("nobody", PASSWORD), ("viewer", PASSWORD), ("operator' --", PASSWORD)]
)
def test_every_wrong_login_gets_the_same_answer(quick_api: Api, name: str, password: str) -> None:
    Accounts(quick_api.store, quick_passwords(), time.time, "tests").disable("viewer")
    answer = login(quick_api, name, password)
    assert answer.status_code == 401
    assert answer.json()["detail"] == "the name or the password is wrong"
    assert "set-cookie" not in answer.headers
    assert "WWW-Authenticate" in answer.headers


def test_a_name_that_nobody_has_is_checked_like_any_other() -> None:
    checked: list[str] = []

    class Watched:
        def __init__(self, of: Any) -> None:
            self._of = of

        def verify(self, kept: str, password: str) -> bool:
            checked.append(extract_parameters(kept).__repr__())
            return bool(self._of.verify(kept, password))

    passwords = quick_passwords()
    kept = passwords.hashed(PASSWORD)
    passwords._hasher = Watched(passwords._hasher)  # type: ignore[assignment]
    assert not passwords.fits(None, PASSWORD)
    assert not passwords.fits(None, "the password of nobody")
    assert not passwords.fits(kept, WRONG)
    assert passwords.fits(kept, PASSWORD)
    assert len(checked) == 4
    assert len(set(checked)) == 1


def test_a_password_is_kept_as_strongly_as_is_asked_for() -> None:
    parameters = extract_parameters(Passwords().hashed(PASSWORD))
    assert parameters.type.name == "ID"
    assert parameters.memory_cost >= 46 * 1_024
    assert parameters.time_cost >= 2


def test_a_hash_of_less_is_renewed_at_the_next_login(tmp_path: Path) -> None:
    path = new_sqlite(tmp_path / "paper.db")
    stronger = Passwords(memory_kib=128, passes=2)
    with closing(open_store(path)) as store:
        add_users(store)
        with running(store, passwords=stronger) as api:
            assert [login(api).status_code for _ in range(2)] == [200, 200]
        with store.reading() as reader:
            user = reader.user("operator")
    assert user is not None
    assert extract_parameters(user.password_hash).memory_cost == 128


def test_after_ten_wrong_passwords_one_has_to_wait_and_others_do_not(api: Api, url: str) -> None:
    assert [login(api, password=WRONG).status_code for _ in range(10)] == [401] * 10
    refused = [login(api), login(api, password=WRONG), login(api)]
    assert [answer.status_code for answer in refused] == [429] * 3
    assert 1 <= int(refused[0].headers["retry-after"]) <= 30
    assert login(api, "viewer").status_code == 200
    wait_over(url)
    assert login(api).status_code == 200
    assert [login(api, password=WRONG).status_code for _ in range(10)] == [401] * 10


def wait_over(url: str) -> None:
    engine = open_engine(database_url(url))
    with writing(engine).begin() as connection:
        connection.exec_driver_sql("UPDATE login_attempts SET wait_until = last_at")
    engine.dispose()


def test_the_wait_grows_and_outlives_the_process(api: Api, url: str) -> None:
    for _ in range(10):
        login(api, password=WRONG)
    waits = []
    for _ in range(3):
        wait_over(url)
        assert login(api, password=WRONG).status_code == 401
        waits.append(int(login(api).headers["retry-after"]))
    assert [round(wait / 60) for wait in waits] == [1, 2, 4]
    with running(api.store) as anew:
        assert login(anew).status_code == 429


def test_names_that_nobody_has_wait_too_and_so_does_an_address(quick_api: Api) -> None:
    answers = [login(quick_api, "nobody").status_code for _ in range(12)]
    assert answers == [401] * 10 + [429] * 2
    answers = [login(quick_api, f"nobody{number}").status_code for number in range(90)]
    assert answers[-1] == 429
    assert login(quick_api).status_code == 429


def test_many_attempts_at_once_get_no_more_tries_and_hold_nobody_else_up(api: Api) -> None:
    def attempt(_number: int) -> int:
        return login(api, password=WRONG).status_code

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(attempt, range(50)))
    looked_at = answers.count(401)
    assert answers.count(429) == 50 - looked_at
    # Who comes when too many passwords are being checked has not used up a try.
    assert [attempt(number) for number in range(15)] == [401] * (10 - looked_at) + [429] * (5 + looked_at)
    assert api.client.get("/healthz").json() == {"alive": True}


FORGED: Final[list[dict[str, str]]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": OTHER_SITE},
    {"Origin": OTHER_SITE},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://{host}"},
    {"Referer": f"{OTHER_SITE}/page"},
    {"Sec-Fetch-Site": "cross-site", "X-CSRF-Token": "{csrf}"},
    {"Origin": OTHER_SITE, "X-CSRF-Token": "{csrf}"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": ""},
    {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": "guessed"},
    {"X-CSRF-Token": "guessed"},
    {"X-CSRF-Token": "gu\u00e9ssed"},
]


def here(api: Api, headers: dict[str, str], csrf: str = "") -> dict[str, str]:
    """Return headers that name the API's own host where they name a host, and the right CSRF token where one is."""
    host = api.client.base_url.netloc.decode()
    return {name: value.replace("{host}", host).replace("{csrf}", csrf) for name, value in headers.items()}


@pytest.mark.parametrize("forged", FORGED, ids=str)
def test_a_forged_request_changes_nothing(quick_api: Api, forged: dict[str, str]) -> None:
    signed = quick_api.sign_in("admin")
    headers = {**signed.headers, "Content-Type": "application/json", **here(quick_api, forged, signed.csrf)}
    encoded = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    answer = quick_api.client.post("/auth/logout", headers=encoded)
    assert answer.status_code == 403
    assert quick_api.client.get("/auth/me", headers=signed.headers).status_code == 200


@pytest.mark.parametrize("forged", FORGED[:7], ids=str)
def test_nobody_is_signed_in_by_another_site(quick_api: Api, forged: dict[str, str]) -> None:
    assert login(quick_api, **here(quick_api, forged)).status_code == 403


def test_behind_tls_a_page_of_ours_came_over_tls(tmp_path: Path) -> None:
    with closing(open_store(new_sqlite(tmp_path / "paper.db"))) as store, running(store, behind_tls=True) as api:
        senders = ("https://{host}", "http://{host}", "https://{host}.example")
        statuses = [login(api, **here(api, {"Origin": sender})).status_code for sender in senders]
    assert statuses == [200, 403, 403]


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx", None]
)
def test_only_json_is_taken(quick_api: Api, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    body = json.dumps({"username": "operator", "password": PASSWORD}).encode()
    assert quick_api.client.post("/auth/login", content=body, headers=headers).status_code == 415


def test_our_own_page_shows_its_token_and_a_program_needs_none(quick_api: Api) -> None:
    for extra in ({"Sec-Fetch-Site": "same-origin"}, {}):
        signed = quick_api.sign_in("viewer")
        headers = {**signed.headers, **extra, "X-CSRF-Token": signed.csrf}
        assert quick_api.client.post("/auth/logout", headers=headers).status_code == 204


@pytest.mark.parametrize(
    "body",
    [
        {"username": "operator"},
        {"username": "operator", "password": PASSWORD, "role": "admin"},
        {"username": "operator", "password": 15},
        {"username": "o" * 65, "password": PASSWORD},
        {"username": "operator", "password": "x" * 1_025},
        [],
    ],
)
def test_a_login_that_makes_no_sense_is_named_without_repeating_it(quick_api: Api, body: object) -> None:
    answer = quick_api.client.post("/auth/login", json=body)
    assert answer.status_code == 422
    assert PASSWORD not in answer.text
    assert answer.json()["errors"][0]["where"].startswith("body")


def test_no_secret_is_written_down_and_a_name_cannot_forge_a_line(quick_api: Api) -> None:
    answer = login(quick_api)
    login(quick_api, password=WRONG)
    login(quick_api, 'x\r\n{"event":"signed in","user":"admin"}')
    login(quick_api, PASSWORD)
    text = quick_api.log.getvalue()
    secrets = (PASSWORD, WRONG, answer.cookies[quick_api.cookie()], answer.json()["csrf_token"])
    assert not any(secret in text for secret in secrets)
    told = [(line["event"], line.get("user")) for line in logged(quick_api)]
    assert told == [
        ("signed in", "operator"),
        ("login refused", "operator"),
        ("login refused", None),
        ("login refused", None),
    ]
    with quick_api.store.reading() as reader:
        kept = json.dumps([row._asdict() for row in reader.audit_in_order()])
    assert PASSWORD not in kept


def test_a_new_password_ends_the_sessions_before(quick_api: Api) -> None:
    signed = quick_api.sign_in("viewer")
    Accounts(quick_api.store, quick_passwords(), time.time, "tests").set_password("viewer", WRONG)
    assert quick_api.client.get("/auth/me", headers=signed.headers).status_code == 401
    assert login(quick_api, "viewer").status_code == 401
    assert login(quick_api, "viewer", WRONG).status_code == 200


def test_signing_in_anew_ends_the_session_that_was_open_there(quick_api: Api) -> None:
    first = login(quick_api).cookies[quick_api.cookie()]
    login(quick_api, "viewer")
    quick_api.client.cookies.clear()
    assert quick_api.client.get("/auth/me", headers={"Cookie": f"{quick_api.cookie()}={first}"}).status_code == 401


def test_two_platforms_on_one_machine_do_not_take_each_others_sessions(quick_api: Api, tmp_path: Path) -> None:
    # A client keeps cookies as browsers do: of one host, whatever the port is.
    with (
        closing(open_store(new_sqlite(tmp_path / "other.db"))) as store,
        running(store) as other,
        httpx.Client() as page,
    ):
        for api, name in ((quick_api, "operator"), (other, "viewer")):
            body = {"username": name, "password": PASSWORD}
            assert page.post(api.client.base_url.join("/auth/login"), json=body).status_code == 200
        names = [page.get(api.client.base_url.join("/auth/me")).json().get("name") for api in (quick_api, other)]
    assert names == ["operator", "viewer"]


def test_the_csrf_token_is_kept_nowhere_and_is_of_one_session(quick_api: Api, tmp_path: Path) -> None:
    first = login(quick_api).json()["csrf_token"]
    other = quick_api.sign_in("operator")
    assert quick_api.client.get("/auth/me").json()["csrf_token"] == first
    refused = quick_api.client.post("/auth/logout", headers={**other.headers, "X-CSRF-Token": first})
    assert refused.status_code == 403
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("paper.db*"))
    assert first.encode() not in stored
    # Nor does it follow from what is kept, as it follows from the session's own token.
    kept = re.findall(rb"[0-9a-f]{64}", stored)
    assert kept
    assert first not in {hmac.new(each, b"csrf", sha256).hexdigest() for each in kept}


def test_a_user_has_so_many_sessions_and_the_oldest_end(quick_api: Api) -> None:
    signed = [quick_api.sign_in("viewer") for _ in range(SESSIONS_OF_A_USER)]
    assert login(quick_api, "viewer").status_code == 200
    quick_api.client.cookies.clear()
    alive = [quick_api.client.get("/auth/me", headers=each.headers).status_code for each in signed]
    assert sorted(alive) == [200] * (SESSIONS_OF_A_USER - 1) + [401]


def test_signing_out_clears_what_the_browser_kept(quick_api: Api) -> None:
    left = quick_api.client.post("/auth/logout", headers=quick_api.sign_in("viewer").headers)
    assert left.headers["clear-site-data"] == '"cache", "storage"'


def test_a_session_that_is_used_does_not_run_out(quick_api: Api) -> None:
    signed = quick_api.sign_in("viewer", idle_seconds=60)
    assert quick_api.client.get("/auth/me", headers=signed.headers).status_code == 200
    with quick_api.store.reading() as reader:
        left = reader.session(hash_of(signed.token))
    assert left is not None
    assert left.idle_seconds_left > 1_000
