"""What ASVS 5.0 asks of an API like ours and no other test holds; docs/api.md says which test holds what."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import func, select

from services.api.security.hash_turns import WAITING_IN_A_LINE
from services.api.security.passwords import Passwords
from shared.store.engine import database_url, open_engine
from shared.store.tables.metadata import METADATA
from shared.web.inbound.refusals import HEADERS
from tests.fixtures.api import Api, add_rows, quick_passwords, running
from tests.fixtures.api_stores import api, quick_api, server_url

__all__ = ["api", "quick_api", "server_url"]

WRONG: Final = "gravel spoon violin 89"
METACHARACTERS: Final = (
    "'; DROP TABLE trades; --",
    '" OR ""="',
    "%27%20UNION%20SELECT%20password_hash%20FROM%20users--",
    "admin'/*",
    ":name %(name)s $1",
    "\x00",
    "../../etc/passwd",
)


# Passwords.


def test_two_passwords_are_checked_at_a_time_and_others_are_answered_meanwhile(quick_api: Api) -> None:
    running_now, most = [0], [0]
    lock = threading.Lock()

    class Slow:
        def __init__(self, of: Passwords) -> None:
            self._of = of

        def fits(self, kept: str | None, password: str) -> bool:
            with lock:
                running_now[0] += 1
                most[0] = max(most[0], running_now[0])
            time.sleep(0.02)
            with lock:
                running_now[0] -= 1
            return self._of.fits(kept, password)

    async def flood(base: str) -> list[int]:
        async with httpx.AsyncClient(base_url=base, timeout=20) as client:

            async def login(number: int) -> int:
                body = {"username": f"nobody{number}", "password": WRONG}
                return (await client.post("/auth/login", json=body)).status_code

            async def alive() -> int:
                return (await client.get("/healthz")).status_code

            return await asyncio.gather(*map(login, range(50)), *(alive() for _ in range(5)))

    with running(quick_api.store, passwords=Slow(quick_passwords())) as api:
        answers = asyncio.run(flood(str(api.client.base_url)))
    assert 1 <= most[0] <= 2
    assert answers.count(200) == 5
    # Of those who come from one address, few may wait.
    assert answers.count(401) + answers.count(429) == 50
    assert answers.count(401) >= 1 + WAITING_IN_A_LINE


# Sessions.


def test_sessions_go_by_the_clock_of_the_database_alone(quick_api: Api) -> None:
    for clock in (lambda: 0.0, lambda: 4e9):
        with running(quick_api.store, clock=clock) as api:
            assert api.client.get("/auth/me", headers=api.sign_in("viewer").headers).status_code == 200
            over = api.sign_in("viewer", longest_seconds=-1)
            assert api.client.get("/auth/me", headers=over.headers).status_code == 401


# Input.


# Sections of the settings, which refuse what they do not know.
CHECKED_AS_SETTINGS: Final = ("PUT /api/settings body.", "PUT /api/strategy-params/{strategy} body.profiles")


def described(api: Api) -> dict[str, Any]:
    document: dict[str, Any] = api.get("/api/openapi.json").json()
    return document


def unbounded(schema: dict[str, Any], known: dict[str, Any], where: str) -> Iterator[str]:
    """Tell where a schema takes objects with anything in them, or texts, numbers and lists of any size."""
    if "$ref" in schema:
        yield from unbounded(known[schema["$ref"].rpartition("/")[2]], known, where)
        return
    if "enum" in schema or "const" in schema:
        return
    for key in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(key, ()):
            yield from unbounded(each, known, where)
    match schema.get("type"):
        case "object":
            others = schema.get("additionalProperties", True)
            if isinstance(others, dict) and "maxProperties" in schema and "maxLength" in schema["propertyNames"]:
                yield from unbounded(others, known, f"{where}.*")
            elif others is not False:
                yield f"{where} takes what nobody asked for"
            for name, each in schema.get("properties", {}).items():
                yield from unbounded(each, known, f"{where}.{name}")
        case "string" if "maxLength" not in schema and "pattern" not in schema and "format" not in schema:
            yield f"{where} takes a text of any length"
        case "integer" | "number" if "maximum" not in schema and "exclusiveMaximum" not in schema:
            yield f"{where} takes any number"
        case "array" if "maxItems" not in schema:
            yield f"{where} takes a list of any length"


def test_every_body_and_query_is_strict_and_bounded(quick_api: Api) -> None:
    document = described(quick_api)
    known = document["components"]["schemas"]
    found: list[str] = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method.upper()} {path}"
            for content in operation.get("requestBody", {}).get("content", {}).values():
                found += unbounded(content["schema"], known, f"{where} body")
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query":
                    found += unbounded(parameter["schema"], known, f"{where} ?{parameter['name']}")
    assert [where for where in found if not where.startswith(CHECKED_AS_SETTINGS)] == []


def requests_with(document: dict[str, Any], text: str) -> Iterator[tuple[str, str, dict[str, str], object]]:
    """Return every described request with a text in the place of everything that one may choose."""
    known = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        if path == "/api/events":
            continue
        for method, operation in operations.items():
            parameters = operation.get("parameters", ())
            filled = path
            for parameter in parameters:
                quoted = "".join(f"%{byte:02X}" for byte in text.encode())
                filled = filled.replace(f"{{{parameter['name']}}}", quoted)
            query = {each["name"]: text for each in parameters if each["in"] == "query"}
            body = None
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schema = content["schema"]
                named = known[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
                body = dict.fromkeys(named.get("properties", {}), text)
            for name in query or {"": ""}:
                yield method.upper(), filled, {name: text} if name else {}, body
            yield method.upper(), filled, query, body


def contents(url: str) -> dict[str, int]:
    engine = open_engine(database_url(url))
    quiet = set(METADATA.tables) - {"sessions", "login_attempts", "audit_log", "service_heartbeats"}
    with engine.connect() as connection:
        found = {
            name: connection.execute(select(func.count()).select_from(METADATA.tables[name])).scalar_one()
            for name in sorted(quiet)
        }
    engine.dispose()
    return found


def test_what_means_something_to_a_database_means_nothing_to_ours(api: Api, url: str) -> None:
    add_rows(api.store, 1, 2)
    document = described(api)
    before, wrong, count = contents(url), [], 0
    for text in METACHARACTERS:
        headers = api.sign_in("admin").headers
        for method, path, query, body in requests_with(document, text):
            if path.endswith("/auth/logout") or "/exports/" in path:
                continue
            answer = api.client.request(method, path, params=query, json=body, headers=headers)
            count += 1
            if answer.status_code >= 500 or "argon2id" in answer.text:
                wrong.append((method, path, query, body, answer.status_code))
    assert wrong == []
    assert count > 200
    assert contents(url) == before


# Headers, and what is not there.


def test_every_kind_of_error_has_the_headers_and_tells_nothing_of_the_server(quick_api: Api) -> None:
    signed = quick_api.sign_in("viewer").headers
    kinds: dict[int, tuple[str, str, dict[str, Any]]] = {
        401: ("GET", "/api/trades", {}),
        403: ("GET", "/api/users", {"headers": signed}),
        404: ("GET", "/nothing", {}),
        405: ("PATCH", "/api/trades", {"headers": signed}),
        413: ("POST", "/auth/login", {"content": b" " * 70_000, "headers": {"Content-Type": "application/json"}}),
        415: ("POST", "/auth/login", {"content": b"x"}),
        422: ("GET", "/api/trades", {"headers": signed, "params": {"limit": 0}}),
    }
    for status, (method, path, given) in kinds.items():
        answer = quick_api.client.request(method, path, **given)
        assert (answer.status_code, path) == (status, path)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert not {"server", "x-powered-by", "access-control-allow-origin"} & set(answer.headers)


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null"])
def test_no_other_origin_is_let_in(quick_api: Api, origin: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    answer = quick_api.client.options("/api/trades", headers=asked)
    assert answer.status_code == 405
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_nothing_is_at_the_places_where_scanners_look(quick_api: Api) -> None:
    signed = quick_api.sign_in("admin").headers
    for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect", "/.env", "/.git/config", "/debug", "/"):
        assert quick_api.client.get(path).status_code == 404
        assert quick_api.client.get(path, headers=signed).status_code == 404
    for path in ("/api/openapi.json", "/metrics"):
        assert quick_api.client.get(path).status_code == 401


# Logging.


def test_refusals_are_written_down_and_nobody_can_forge_a_line(quick_api: Api) -> None:
    forged = '%0d%0a{"event":"signed in","user":"admin"}'
    signed = quick_api.sign_in("viewer")
    viewer = signed.headers
    quick_api.client.get("/api/users", headers=viewer)
    quick_api.client.post(f"/api/users/{forged}/disable", headers=viewer)
    quick_api.client.post("/auth/logout", headers={**viewer, "Sec-Fetch-Site": "cross-site"})
    quick_api.client.post("/auth/logout", headers={**viewer, "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": "x"})
    unconfirmed = quick_api.sign_in("admin", confirmed_seconds=-1).headers
    quick_api.client.post("/api/users/viewer/disable", headers=unconfirmed)
    lines = [json.loads(line) for line in quick_api.log.getvalue().splitlines()]
    assert [(line["event"], line["why"], line["user"]) for line in lines] == [
        ("refused", "role too low", "viewer"),
        ("refused", "role too low", "viewer"),
        ("refused", "cross-site request", None),
        ("refused", "wrong CSRF token", "viewer"),
        ("refused", "not confirmed", "admin"),
    ]
    assert signed.csrf not in quick_api.log.getvalue()
