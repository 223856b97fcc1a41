"""Strangers who try a user's name do not keep the user out, from wherever they try it."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from services.api.security.accounts import Accounts
from services.api.security.devices import LASTS_SECONDS
from shared.store.sql_store import open_store
from tests.fixtures.api import PASSWORD, Api, quick_passwords, running
from tests.fixtures.api_stores import api, quick_api, server_url
from tests.fixtures.new_store import new_sqlite

__all__ = ["api", "quick_api", "server_url"]

WRONG: Final = "gravel spoon violin 89"
MIDNIGHT: Final = 1_399_248_000.0


@contextmanager
def asking_from(api: Api, address: str) -> Iterator[httpx.Client]:
    """Ask an API from another address of this machine."""
    way = httpx.HTTPTransport(local_address=address)
    with httpx.Client(base_url=api.client.base_url, transport=way, timeout=20) as client:
        yield client


def login(client: httpx.Client, name: str = "operator", password: str = PASSWORD, **headers: str) -> httpx.Response:
    return client.post("/auth/login", json={"username": name, "password": password}, headers=headers)


def said_to_be(api: Api, address: str, name: str = "operator", password: str = WRONG) -> int:
    """Return the status of a login whose proxy says that it comes from an address."""
    api.client.cookies.clear()
    return login(api.client, name, password, **{"X-Forwarded-For": address}).status_code


def test_who_tries_a_name_from_elsewhere_does_not_keep_its_owner_out(api: Api) -> None:
    with asking_from(api, "127.0.0.2") as stranger:
        assert [login(stranger, password=WRONG).status_code for _ in range(12)] == [401] * 10 + [429] * 2
        assert login(api.client).status_code == 200
        assert login(stranger, password=WRONG).status_code == 429


@pytest.fixture
def behind_proxy(tmp_path: Path) -> Iterator[Api]:
    path = new_sqlite(tmp_path / "paper.db")
    with closing(open_store(path)) as store, running(store, trusted_proxies=("127.0.0.1",)) as api:
        yield api


def device_of(api: Api) -> dict[str, str]:
    """Return the header by which the API knows where its client signed in."""
    name = api.cookie("device")
    return {"Cookie": f"{name}={api.client.cookies[name]}"}


def test_a_device_of_the_owner_is_let_in_while_the_whole_world_tries_the_name(behind_proxy: Api) -> None:
    api = behind_proxy
    assert login(api.client, **{"X-Forwarded-For": "198.51.100.1"}).status_code == 200
    device = device_of(api)
    answers = [said_to_be(api, f"203.0.113.{number}") for number in range(102)]
    assert answers == [401] * 100 + [429] * 2
    # At a device that is new the owner has to wait as the strangers do, but never for long.
    answer = login(api.client, **{"X-Forwarded-For": "198.51.100.1"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) <= 10
    assert login(api.client, **device, **{"X-Forwarded-For": "203.0.113.9"}).status_code == 200


def test_a_device_opens_nothing_and_has_no_more_tries_than_anybody(quick_api: Api) -> None:
    client = quick_api.client
    assert login(client).status_code == 200
    device = device_of(quick_api)
    client.cookies.clear()
    assert client.get("/auth/me", headers=device).status_code == 401
    assert [login(client, password=WRONG, **device).status_code for _ in range(11)] == [401] * 10 + [429]
    # Its name from the same place, without it, is counted apart, and so is another user's with it.
    assert login(client).status_code == 200
    assert login(client, "viewer", **device).status_code == 200


@pytest.mark.parametrize("change", ["signature", "end", "user", "none"])
def test_a_device_that_nobody_signed_in_from_is_none(quick_api: Api, change: str) -> None:
    client = quick_api.client
    assert login(client, "viewer" if change == "user" else "operator").status_code == 200
    ends, nonce, signature = client.cookies[quick_api.cookie("device")].split(".")
    forged = {
        "signature": f"{ends}.{nonce}.{'0' * 64}",
        "end": f"{int(ends) + 1}.{nonce}.{signature}",
        "user": f"{ends}.{nonce}.{signature}",
        "none": "..",
    }
    client.cookies.clear()
    for _ in range(10):
        login(client, password=WRONG)
    assert login(client, Cookie=f"{quick_api.cookie('device')}={forged[change]}").status_code == 429


def test_a_device_is_forgotten_with_the_password_and_after_half_a_year(tmp_path: Path) -> None:
    now = [MIDNIGHT]
    path = new_sqlite(tmp_path / "paper.db")
    with closing(open_store(path)) as store, running(store, clock=lambda: now[0]) as api:
        login(api.client, "viewer")
        old = device_of(api)
        login(api.client)
        device = device_of(api)
        api.client.cookies.clear()
        Accounts(store, quick_passwords(), time.time, "tests").set_password("viewer", WRONG)
        for name in ("viewer", "operator"):
            assert [login(api.client, name, "never it").status_code for _ in range(11)][-1] == 429
        assert login(api.client, "viewer", WRONG, **old).status_code == 429
        now[0] += LASTS_SECONDS
        assert login(api.client, **device).status_code == 429
        now[0] -= 1
        assert login(api.client, **device).status_code == 200


def test_addresses_of_one_ipv6_network_are_one_and_ways_of_writing_are_none(behind_proxy: Api) -> None:
    api = behind_proxy
    tries = [said_to_be(api, f"2001:db8:0:7::{number:x}") for number in range(1, 12)]
    assert tries == [401] * 10 + [429]
    assert said_to_be(api, "2001:db8:0:8::1") == 401
    assert [said_to_be(api, "203.0.113.9") for _ in range(10)] == [401] * 10
    assert said_to_be(api, "::ffff:203.0.113.9") == 429
    assert said_to_be(api, "::ffff:cb00:7109") == 429


@pytest.mark.parametrize("rubbish", ["203.0.113.009", "somewhere", "x" * 9_000, "unknown", "10.0.0.1/8"])
def test_what_is_no_address_is_not_let_in(behind_proxy: Api, rubbish: str) -> None:
    assert said_to_be(behind_proxy, rubbish, password=PASSWORD) == 400


def test_an_admin_lets_a_user_try_again_at_once(api: Api) -> None:
    for name in ("operator", "viewer"):
        for _ in range(11):
            login(api.client, name, WRONG)
    signed = api.sign_in("admin")
    unlocked = api.client.post("/api/users/operator/unlock", headers=signed.headers)
    assert (unlocked.status_code, unlocked.json()["name"]) == (200, "operator")
    assert login(api.client).status_code == 200
    assert login(api.client, "viewer").status_code == 429
    with api.store.reading() as reader:
        assert ("admin", "user.unlocked") in [(row.actor, row.action) for row in reader.audit_in_order()]
