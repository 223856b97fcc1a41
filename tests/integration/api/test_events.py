"""Following what happens: each event once, from where one left off, as long as one may."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx

from services.api.routes.events import MOST_STREAMS, STREAMS_OF_A_SESSION, STREAMS_OF_VIEWERS
from tests.contract.builders import an_event
from tests.fixtures.api import Api, Signed
from tests.fixtures.api_stores import api, quick_api, url
from tests.fixtures.crowds.inbound import many
from tests.fixtures.deployed import wait_until

__all__ = ["api", "quick_api", "url"]


def told(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    """Yield the messages of a stream: their id, event and data."""
    message: dict[str, Any] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if line and name in ("id", "event"):
            message[name] = value
        elif name == "data":
            message["data"] = json.loads(value)
        elif not line and message:
            yield message
            message = {}


def of_the_account(messages: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (message for message in messages if message["event"] != "service.heartbeat")


def happen(api: Api, *numbers: int) -> None:
    with api.store.transaction() as transaction:
        transaction.add_account_events([an_event(number) for number in numbers])


def test_events_are_told_once_each_from_now_on(api: Api) -> None:
    happen(api, 1, 2)
    headers = api.sign_in("viewer").headers
    with api.client.stream("GET", "/api/events", headers=headers) as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        messages = of_the_account(told(answer))
        happen(api, 3, 4)
        first, second = next(messages), next(messages)
        happen(api, 5)
        third = next(messages)
    assert [message["data"]["seq"] for message in (first, second, third)] == [3, 4, 5]
    assert first["event"] == "trade.opened"
    assert first["data"]["equity"] == "9999.9999"


def test_who_comes_back_goes_on_after_the_last_event(quick_api: Api) -> None:
    happen(quick_api, 1, 2, 3)
    headers = quick_api.sign_in("viewer").headers
    with quick_api.client.stream("GET", "/api/events?after=0", headers=headers) as answer:
        first = next(of_the_account(told(answer)))
    assert first["data"]["seq"] == 1
    again = {**headers, "Last-Event-ID": first["id"]}
    with quick_api.client.stream("GET", "/api/events", headers=again) as answer:
        messages = of_the_account(told(answer))
        assert [next(messages)["data"]["seq"] for _ in range(2)] == [2, 3]
    # A browser asks for the address it was given once more, and says how far it has come.
    with quick_api.client.stream("GET", "/api/events?after=0", headers=again) as answer:
        assert next(of_the_account(told(answer)))["data"]["seq"] == 2
    wrong = {**headers, "Last-Event-ID": "last"}
    assert quick_api.client.get("/api/events", headers=wrong).status_code == 422
    assert quick_api.client.get("/api/events?after=-1", headers=headers).status_code == 422


def test_signs_of_life_are_told_when_they_are_new(quick_api: Api) -> None:
    headers = quick_api.sign_in("viewer").headers
    with quick_api.store.transaction() as transaction:
        transaction.beat("executor", "executor-1", "{}")
    with quick_api.client.stream("GET", "/api/events", headers=headers) as answer:
        messages = told(answer)
        assert [beat["instance"] for beat in next(messages)["data"]] == ["executor-1"]
        with quick_api.store.transaction() as transaction:
            transaction.beat("strategy", "strategy-1", "{}")
        assert [beat["instance"] for beat in next(messages)["data"]][-1] == "strategy-1"


def test_a_stream_ends_with_its_session(quick_api: Api) -> None:
    signed = quick_api.sign_in("viewer")
    with quick_api.client.stream("GET", "/api/events", headers=signed.headers) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        with quick_api.store.transaction() as transaction:
            user = transaction.user("viewer")
            assert user is not None
            transaction.revoke_sessions(user.id)
        happen(quick_api, 1)
        rest = list(lines)
    assert not any(line.startswith("id:") for line in rest)


@contextmanager
def followed(api: Api, signed: Signed, number: int) -> Iterator[list[int]]:
    """Ask for so many streams at once, and hold those that are given; yield the statuses."""
    request = f"GET /api/events HTTP/1.1\r\nHost: localhost\r\nCookie: {signed.cookie}\r\n\r\n".encode()
    with many(api.client.base_url.port or 0, number, request) as streams:
        yield [int(stream.recv(12).split()[1]) for stream in streams]


def test_a_session_has_only_so_many_streams_however_they_are_asked_for(quick_api: Api) -> None:
    with followed(quick_api, quick_api.sign_in("viewer"), 20) as statuses:
        assert (statuses.count(200), statuses.count(503)) == (STREAMS_OF_A_SESSION, 15)


def test_viewers_leave_streams_to_those_who_may_act(quick_api: Api) -> None:
    with ExitStack() as held:
        for _ in range(STREAMS_OF_VIEWERS // STREAMS_OF_A_SESSION):
            opened = held.enter_context(followed(quick_api, quick_api.sign_in("viewer"), STREAMS_OF_A_SESSION))
            assert set(opened) == {200}
        assert held.enter_context(followed(quick_api, quick_api.sign_in("viewer"), 1)) == [503]
        for name in ("operator", "admin"):
            left = (MOST_STREAMS - STREAMS_OF_VIEWERS) // 2
            assert held.enter_context(followed(quick_api, quick_api.sign_in(name), left)) == [200] * left
        assert held.enter_context(followed(quick_api, quick_api.sign_in("admin"), 1)) == [503]


def test_a_stream_that_ends_gives_its_place_back(quick_api: Api) -> None:
    signed = quick_api.sign_in("viewer")

    def all_given() -> bool:
        with followed(quick_api, signed, STREAMS_OF_A_SESSION) as statuses:
            return set(statuses) == {200}

    assert all_given()
    # Those that were refused, too, have left nothing behind.
    with followed(quick_api, signed, 20):
        pass
    wait_until(all_given, 20, "the places are free again")
