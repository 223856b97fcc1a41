"""Who may ask what: every route for everybody, on both databases."""

from contextlib import closing
from typing import Final

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from services.api.app import create_app
from services.api.context import ApiContext
from services.api.security.access import ACCESS, CONFIRMED, EVERYBODY
from shared.contracts.vocabulary import Role
from shared.store.sql_store import open_store
from shared.web.inbound.refusals import HEADERS
from tests.fixtures.api import Api, context_on, cookie_of, running
from tests.fixtures.api_stores import api, url

__all__ = ["api", "url"]

LOGIN: Final = {("POST", "/auth/login"), ("POST", "/api/auth/login")}
SIGNED_IN: Final = ("viewer", "operator", "admin", "unconfirmed")
PERSONAS: Final = (*SIGNED_IN, "anonymous", "expired", "idle", "revoked", "guessed", "disabled", "forged")
IN_PATHS: Final = {
    "{pair}": "EUR_USD",
    "{time}": "2014-05-08T11:45:00Z",
    "{name}": "nobody",
    "{id}": "a" * 22,
    "{strategy}": "ema_vwap",
    "{command_id}": "1",
}
# What is allowed may still name nothing that there is, or lack its body.
ALLOWED: Final = {200, 201, 202, 204, 404, 422}
OTHER_SITE: Final = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}


def routes(app: FastAPI) -> list[tuple[str, str]]:
    found = []
    for route in app.routes:
        assert isinstance(route, APIRoute), f"{route} is not guarded"
        found += [(method, route.path) for method in sorted(route.methods or ())]
    return found


def without_a_role(app: FastAPI) -> set[tuple[str, str]]:
    return set(routes(app)) - set(ACCESS)


def test_every_route_has_a_declared_role_and_every_declared_route_is_there(api: Api) -> None:
    app = create_app(context_on(api.store, api.log))
    assert sorted(routes(app)) == sorted(ACCESS)


def test_a_route_without_a_declared_role_is_found_and_open_to_nobody(url: str) -> None:
    def with_another(context: ApiContext) -> FastAPI:
        app = create_app(context)
        app.get("/api/forgotten")(lambda: "the crown jewels")
        apps.append(app)
        return app

    apps: list[FastAPI] = []
    with closing(open_store(url)) as store, running(store, with_another) as api:
        assert without_a_role(apps[0]) == {("GET", "/api/forgotten")}
        answer = api.get("/api/forgotten", "admin")
    assert answer.status_code == 403
    assert "jewels" not in answer.text


def headers_of(api: Api, persona: str) -> dict[str, str]:
    match persona:
        case "anonymous":
            return {}
        case "expired":
            return api.sign_in("admin", longest_seconds=-1).headers
        case "idle":
            return api.sign_in("admin", idle_seconds=-1).headers
        case "revoked":
            signed = api.sign_in("admin")
            with api.store.transaction() as transaction:
                user = transaction.user("admin")
                assert user is not None
                assert transaction.revoke_sessions(user.id) == 1
            return signed.headers
        case "disabled":
            signed = api.sign_in("operator")
            with api.store.transaction() as transaction:
                user = transaction.user("operator")
                assert user is not None
                transaction.disable_user(user.id)
            return signed.headers
        case "guessed":
            return {"Cookie": cookie_of("x" * 43, api.client.base_url.port)}
        case "unconfirmed":
            return api.sign_in("admin", confirmed_seconds=-1).headers
        case "forged":
            return {**api.sign_in("admin").headers, **OTHER_SITE}
        case _:
            return api.sign_in(persona).headers


def expected(persona: str, route: tuple[str, str], least: Role | None) -> set[int]:
    if persona == "forged" and route[0] not in ("GET", "HEAD"):
        return {403}
    if least is EVERYBODY:
        # Nobody is signed in by nothing.
        return {422} if route in LOGIN else {200}
    if persona not in (*SIGNED_IN, "forged"):
        return {401}
    if persona == "unconfirmed" and route in CONFIRMED:
        return {403}
    role = Role.__members__.get(persona.upper(), Role.ADMIN)
    return ALLOWED if role.includes(least) else {403}


def asked(api: Api, route: tuple[str, str], headers: dict[str, str]) -> httpx.Response:
    method, path = route
    for name, value in IN_PATHS.items():
        path = path.replace(name, value)
    if path == "/api/events":
        with api.client.stream(method, path, headers=headers) as answer:
            if answer.status_code == 200:
                assert next(answer.iter_lines()) == "retry: 2000"
            return answer
    query = {"pair": "EUR_USD"} if path == "/api/candles" else {}
    body = {"type": "RESUME_ALL"} if path.endswith("/commands") and method == "POST" else None
    return api.client.request(method, path, params=query, json=body, headers=headers)


@pytest.mark.parametrize("persona", PERSONAS)
def test_every_route_answers_everybody_as_declared(api: Api, persona: str) -> None:
    wrong = []
    for route, least in ACCESS.items():
        answer = asked(api, route, headers_of(api, persona))
        if answer.status_code not in expected(persona, route, least):
            wrong.append((*route, answer.status_code))
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, route
        assert "server" not in answer.headers
    assert wrong == []
