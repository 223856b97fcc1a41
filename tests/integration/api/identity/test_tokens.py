"""Programs ask by a token: no more than its user may, only what no person is needed for, and not a moment too long."""

import json
from typing import Any, Final

import httpx
import pytest

from services.api.security.access import ACCESS, BY_PEOPLE, CONFIRMED, EVERYBODY
from services.api.security.accounts import Accounts
from services.api.security.tokens import MOST_OF_A_USER
from shared.store.engine import database_url, open_engine, writing
from tests.fixtures.api import PASSWORD, Api, cookie_of, quick_passwords
from tests.fixtures.api_stores import api, quick_api, server_url, url

__all__ = ["api", "quick_api", "server_url", "url"]

OTHER_SITE: Final = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
PAUSE: Final = {"type": "PAUSE_ALL"}


def make(api: Api, maker: str = "admin", confirmed_seconds: float = 300, **wanted: Any) -> httpx.Response:
    signed = api.sign_in(maker, confirmed_seconds=confirmed_seconds)
    return api.client.post("/api/tokens", json={"name": "robot", **wanted}, headers=signed.headers)


def bearing(api: Api, maker: str = "admin", **wanted: Any) -> dict[str, str]:
    """Return the header of a program whose token somebody just made."""
    made = make(api, maker, **wanted)
    assert made.status_code == 201, made.text
    return {"Authorization": f"Bearer {made.json()['token']}"}


def asked(api: Api, headers: dict[str, str], method: str = "GET", path: str = "/api/status", **body: Any) -> int:
    return api.client.request(method, path, headers=headers, json=body or None).status_code


def test_a_program_reads_and_commands_for_its_user_and_is_named_in_the_audit_log(api: Api) -> None:
    headers = bearing(api, "operator", role="operator", scope="command")
    assert asked(api, headers) == 200
    sent = api.client.post("/api/commands", json=PAUSE, headers=headers)
    assert (sent.status_code, sent.json()["actor"]) == (202, "operator/robot")
    with api.store.reading() as reader:
        told = [(row.actor, row.action) for row in reader.audit_in_order()][3:]
    assert told == [("operator", "token.added"), ("operator/robot", "command.sent")]


def test_a_token_is_shown_once_and_only_its_hash_is_kept(api: Api, url: str) -> None:
    made = make(api, role="viewer").json()
    assert made["token"].startswith("scalpbot_")
    assert (made["name"], made["user"], made["role"], made["scope"]) == ("robot", "admin", "viewer", "read")
    listed = api.get("/api/tokens").json()["items"]
    assert listed == [{name: value for name, value in made.items() if name != "token"}]
    engine = open_engine(database_url(url))
    with engine.connect() as connection:
        kept = str(connection.exec_driver_sql("SELECT * FROM api_tokens").all())
        kept += str(connection.exec_driver_sql("SELECT * FROM audit_log").all())
    engine.dispose()
    assert made["token"] not in kept
    assert made["token"] not in api.log.getvalue()
    assert asked(api, {"Authorization": f"Bearer {made['token']}"}) == 200
    assert api.get("/api/tokens").json()["items"][0]["last_used"] is not None


def test_a_token_for_looking_on_changes_nothing(quick_api: Api) -> None:
    headers = bearing(quick_api, role="admin")
    assert asked(quick_api, headers, path="/api/audit") == 200
    assert asked(quick_api, headers, "POST", "/api/commands", **PAUSE) == 403


def test_a_token_may_do_no_more_than_its_role_and_its_user_by_now(quick_api: Api) -> None:
    viewing = bearing(quick_api, role="viewer", scope="command")
    assert asked(quick_api, viewing, path="/api/audit") == 403
    assert asked(quick_api, viewing, "POST", "/api/commands", **PAUSE) == 403
    operating = bearing(quick_api, "operator", role="operator", scope="command")
    assert asked(quick_api, operating, "POST", "/api/commands", **PAUSE) == 202
    Accounts(quick_api.store, quick_passwords(), quick_api.context.clock, "tests").set_role("operator", "viewer")
    assert asked(quick_api, operating) == 200
    assert asked(quick_api, operating, "POST", "/api/commands", **PAUSE) == 403


@pytest.mark.parametrize(
    ("maker", "wanted", "status"),
    [
        ("viewer", {"role": "operator"}, 403),
        ("operator", {"role": "admin"}, 403),
        ("operator", {"user": "viewer"}, 403),
        ("admin", {"user": "viewer", "role": "operator"}, 403),
        ("admin", {"user": "nobody"}, 404),
        ("admin", {"name": "Robot 1"}, 422),
        ("admin", {"days": 0}, 422),
        ("admin", {"days": 366}, 422),
        ("admin", {"days": True}, 422),
        ("admin", {"role": "king"}, 422),
        ("admin", {"scope": "all"}, 422),
        ("admin", {"token": "scalpbot_mine"}, 422),
        ("admin", {"user": "viewer", "role": "viewer"}, 201),
        ("viewer", {"days": 365}, 201),
    ],
)
def test_a_token_is_made_for_oneself_or_by_an_admin_and_with_no_more_rights(
    quick_api: Api, maker: str, wanted: dict[str, Any], status: int
) -> None:
    answer = make(quick_api, maker, **wanted)
    assert answer.status_code == status, answer.text


def test_names_of_tokens_are_taken_once_and_there_are_so_many(quick_api: Api) -> None:
    for number in range(MOST_OF_A_USER):
        assert make(quick_api, name=f"robot{number}").status_code == 201
    assert make(quick_api, name="robot0").status_code == 409
    assert make(quick_api, name="another").status_code == 409
    first = quick_api.get("/api/tokens").json()["items"][0]["id"]
    headers = quick_api.sign_in("admin").headers
    assert quick_api.client.delete(f"/api/tokens/{first}", headers=headers).status_code == 204
    assert make(quick_api, name="another").status_code == 201


def test_making_a_token_takes_the_password_once_more(quick_api: Api) -> None:
    assert make(quick_api, confirmed_seconds=-1).json()["type"] == "urn:scalpbot:problem:confirm"


def test_what_only_people_do_is_closed_to_every_token(quick_api: Api) -> None:
    headers = bearing(quick_api, role="admin", scope="command")
    parameters = {"{id}": "1", "{name}": "viewer", "{strategy}": "ema_vwap", "{pair}": "EUR_USD"}
    for method, path in BY_PEOPLE:
        for name, value in parameters.items():
            path = path.replace(name, value)  # noqa: PLW2901 - the path as it is asked for
        assert asked(quick_api, headers, method, path, username="x") == 403, (method, path)
    assert asked(quick_api, headers, "POST", "/api/commands", type="KILL_SWITCH_OFF") == 403
    assert asked(quick_api, headers, "POST", "/api/commands", type="KILL_SWITCH_ON") == 202
    assert CONFIRMED <= BY_PEOPLE


def test_every_route_that_opens_or_closes_a_way_in_is_only_for_people() -> None:
    ways_in = ("/auth/", "/api/auth/", "/api/sessions", "/api/tokens", "/api/users")
    changing = {
        (method, path)
        for (method, path), least in ACCESS.items()
        if least is not EVERYBODY and method not in ("GET", "HEAD") and path.startswith(ways_in)
    }
    assert changing <= BY_PEOPLE


def over(url: str) -> None:
    engine = open_engine(database_url(url))
    with writing(engine).begin() as connection:
        connection.exec_driver_sql("UPDATE api_tokens SET expires_at = created_at")
    engine.dispose()


@pytest.mark.parametrize("end", ["revoked", "disabled", "enabled again", "new password", "over"])
def test_a_token_that_was_ended_opens_nothing_from_the_next_request_on(api: Api, url: str, end: str) -> None:
    accounts = Accounts(api.store, quick_passwords(), api.context.clock, "tests")
    made = make(api, "operator", role="operator").json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert asked(api, headers) == 200
    match end:
        case "revoked":
            signed = api.sign_in("operator")
            assert api.client.delete(f"/api/tokens/{made['id']}", headers=signed.headers).status_code == 204
        case "disabled":
            accounts.disable("operator")
        case "enabled again":
            accounts.disable("operator")
            accounts.disable("operator", disabled=False)
        case "new password":
            accounts.set_password("operator", f"{PASSWORD} and more")
        case _:
            over(url)
    assert asked(api, headers) == 401
    assert api.get("/api/tokens").json()["items"] == []


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer scalpbot_", "Bearer x", "Basic YTpi", "{token}"])
def test_what_is_no_token_opens_nothing_even_beside_a_session(quick_api: Api, header: str) -> None:
    token = make(quick_api).json()["token"]
    for name in ("Authorization", "authorization"):
        headers = {**quick_api.sign_in("admin").headers, name: header.format(token=token)}
        assert asked(quick_api, headers) == 401
    cookie = {"Cookie": cookie_of(token, quick_api.client.base_url.port)}
    assert asked(quick_api, cookie) == 401


def test_the_hash_of_a_token_is_no_token_and_a_session_is_none(quick_api: Api) -> None:
    signed = quick_api.sign_in("admin")
    assert asked(quick_api, {"Authorization": f"Bearer {signed.token}"}) == 401


def test_a_token_needs_no_csrf_token_and_another_site_cannot_use_one(quick_api: Api) -> None:
    headers = bearing(quick_api, role="operator", scope="command")
    own = {**headers, "Sec-Fetch-Site": "same-origin", "Origin": str(quick_api.client.base_url).rstrip("/")}
    assert asked(quick_api, own, "POST", "/api/commands", **PAUSE) == 202
    assert asked(quick_api, {**headers, **OTHER_SITE}, "POST", "/api/commands", **PAUSE) == 403


def test_tokens_of_others_are_seen_and_ended_by_admins_alone(quick_api: Api) -> None:
    made = make(quick_api, "operator").json()
    assert quick_api.get("/api/tokens", "viewer").json()["items"] == []
    assert quick_api.get("/api/tokens", "viewer", user="operator").status_code == 403
    assert [row["user"] for row in quick_api.get("/api/tokens", "admin").json()["items"]] == ["operator"]
    path = f"/api/tokens/{made['id']}"
    for name, status in (("viewer", 404), ("admin", 204), ("operator", 404)):
        headers = quick_api.sign_in(name).headers
        assert quick_api.client.delete(path, headers=headers).status_code == status


def test_a_stream_of_a_program_ends_with_its_token(quick_api: Api) -> None:
    made = make(quick_api, "viewer").json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    with quick_api.client.stream("GET", "/api/events", headers=headers) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        with quick_api.store.transaction() as transaction:
            transaction.revoke_token(made["id"])
        assert json.dumps(list(lines)).count("trade") == 0
