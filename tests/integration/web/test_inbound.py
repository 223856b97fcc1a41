"""Who holds connections without asking, or does not take an answer, is closed and is in nobody's way."""

import json
import socket
from collections.abc import Iterator
from typing import Final

import pytest
from starlette.types import Receive, Scope, Send

from shared.web.inbound.connection import Deadlines
from shared.web.inbound.crowd import Room
from shared.web.inbound.refusals import HEADERS
from tests.fixtures.crowds.inbound import LARGEST_HEAD_BYTES, Served, closed, many, rest_of, served, wait_for
from tests.fixtures.deployed import wait_until

ROOM: Final = Room(places=40, of_an_address=20)
SHORT: Final = Deadlines(head=0.4, body=0.4, answer=0.4)
LONG: Final = Deadlines(head=60.0, body=60.0, answer=60.0)
PIECE: Final = b"x" * 65_536
PIECES: Final = 400
GET: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
LAST: Final = b"Connection: close\r\n\r\n"
HALF: Final = GET + b"X-Half: "


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what was asked for, or with much at `/much`."""
    message = await receive() if scope["method"] == "POST" else {}
    much = scope["path"] == "/much"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(PIECES if much else 0):
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await send({"type": "http.response.body", "body": b"answered " + message.get("body", b"")})


@pytest.fixture
def patient() -> Iterator[Served]:
    with served(application, LONG, ROOM) as server:
        yield server


@pytest.fixture
def quick() -> Iterator[Served]:
    with served(application, SHORT, ROOM) as server:
        yield server


@pytest.mark.parametrize("sent", [b"", HALF, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf"])
def test_those_who_do_not_ask_push_each_other_out_and_nobody_who_does(patient: Served, sent: bytes) -> None:
    with many(patient.port, 3 * ROOM.places, sent) as held:
        assert b"answered" in patient.ask(GET + LAST)
        wait_for(held, 3 * ROOM.places - ROOM.of_an_address)
        # The last of them are still there: they may yet ask.
        assert closed(held[-5:]) == 0
    assert patient.refused("displaced") >= 3 * ROOM.places - ROOM.of_an_address


def test_one_address_has_its_share_alone(patient: Served) -> None:
    with many(patient.port, 5, source="127.0.0.9") as others, many(patient.port, 2 * ROOM.places) as held:
        wait_for(held, 2 * ROOM.places - ROOM.of_an_address)
        assert closed(others) == 0


def test_addresses_without_number_do_not_keep_others_out(patient: Served) -> None:
    held = [patient.connect(source=f"127.0.1.{number}") for number in range(1, 2 * ROOM.places)]
    assert b"answered" in patient.ask(GET + LAST)
    wait_for(held, ROOM.places - 2)
    for connection in held:
        connection.close()


@pytest.mark.parametrize("sent", [b"", HALF, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf"])
def test_a_request_that_does_not_come_ends_its_connection(quick: Served, sent: bytes) -> None:
    with many(quick.port, 3, sent) as held:
        wait_for(held, 3)
    assert quick.refused("request_late") == 3


def test_a_second_request_has_a_deadline_too_and_one_that_comes_is_answered(quick: Served) -> None:
    with quick.connect(GET + b"\r\n") as connection:
        received = b""
        while b"answered" not in received:
            received += connection.recv(4_096)
        connection.sendall(HALF)
        assert b"HTTP/1.1" not in rest_of(connection)
    assert quick.refused("request_late") == 1


def test_an_answer_that_nobody_takes_is_given_up_and_one_that_is_taken_slowly_is_not(quick: Served) -> None:
    with socket.socket() as still, socket.socket() as slow:
        for connection in (still, slow):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            connection.settimeout(20)
            connection.connect(("127.0.0.1", quick.port))
            connection.sendall(b"GET /much HTTP/1.1\r\nHost: localhost\r\n" + LAST)
        taken = rest_of(slow)
        assert taken.count(b"x") >= PIECES * len(PIECE)
        wait_until(lambda: quick.refused("answer_not_taken") == 1, 20, "the answer is given up")
        assert rest_of(still).count(b"x") < PIECES * len(PIECE)


@pytest.mark.parametrize(
    ("request_sent", "status", "reason"),
    [
        (b"nonsense\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\nHost: localhost\n\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: y\r\n  folded\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: y\r\n\tfolded\r\n\r\n", 400, "malformed"),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "malformed",
        ),
        (GET + b"X-Long: " + b"x" * LARGEST_HEAD_BYTES + b"\r\n\r\n", 431, "head_too_large"),
        (GET + b"X-Long: " + b"x" * (LARGEST_HEAD_BYTES - 20) + b"\r\nY: z\r\n\r\n", 431, "head_too_large"),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431, "head_too_large"),
    ],
)
def test_what_is_no_request_is_refused_with_the_headers_of_every_answer(
    patient: Served, request_sent: bytes, status: int, reason: str
) -> None:
    # What is sent behind it is never looked at.
    answer = patient.ask(request_sent + GET + LAST)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert answer.count(b"HTTP/1.1") == 1
    for name, value in HEADERS.items():
        assert f"{name.lower()}: {value}".encode() in head.replace(name.encode(), name.lower().encode())
    assert json.loads(body)["status"] == status
    assert patient.refused(reason) == 1
    assert json.loads(patient.log.getvalue())["address"] == "127.0.0.1"


def test_requests_behind_each_other_are_answered_in_turn(patient: Served) -> None:
    post = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\none"
    answer = patient.ask(post + GET + b"\r\n" + GET + b"Upgrade: websocket\r\nConnection: upgrade, close\r\n\r\n")
    assert answer.count(b"200 OK") == 3
    assert b"answered one" in answer
