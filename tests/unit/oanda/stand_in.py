"""A small real HTTP server that plays back what a test tells it to, and clocks that a test moves."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from shared.oanda.connection import OandaConnection
from shared.oanda.environment import OandaAddress

TOKEN = "-".join(("f00dface" * 4, "5ca1ab1e" * 4))
ACCOUNT = "101-004-1234567-001"


class Asked(NamedTuple):
    """A request as the server saw it."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


class Reply(NamedTuple):
    """What to answer; without a status the connection is cut instead."""

    status: int | None
    content: bytes = b""
    headers: Mapping[str, str] = {}


def whole(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read all of an answer, whatever it holds."""
    return body


Handler = Callable[[Asked, BaseHTTPRequestHandler], Reply | None]


def json_reply(status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, json.dumps(body).encode(), headers or {})


class StandIn:
    """The server's address and what it was asked so far."""

    def __init__(self, url: str, asked: list[Asked], connections: list[object]) -> None:
        self.url = url
        self.asked = asked
        self.connections = connections

    def of_method(self, method: str) -> list[Asked]:
        return [one for one in self.asked if one.method == method]


@contextmanager
def stand_in(handler: Handler) -> Iterator[StandIn]:
    """Run a server that answers as `handler` says; None means that the handler answered itself."""
    asked: list[Asked] = []
    connections: list[object] = []

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            connections.append(self.client_address)
            super().setup()

        def do_GET(self) -> None:
            self._answer()

        def do_PUT(self) -> None:
            self._answer()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            return

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            params = {name: values[0] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Asked(self.command, parts.path, params, headers, json.loads(content) if content else None)
            asked.append(request)
            reply = handler(request, self)
            if reply is None or reply.status is None:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield StandIn(f"http://127.0.0.1:{server.server_port}", asked, connections)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@contextmanager
def connected(
    url: str,
    time: FakeTime,
    *,
    jitter: Callable[[], float] = lambda: 0.5,
    retrying: Callable[[str, float], None] = lambda _reason, _pause_seconds: None,
    answer_seconds: float = 10.0,
    patience_seconds: float = 60.0,
) -> Iterator[OandaConnection]:
    """Open a connection to a stand-in that lives on the fake time."""
    with OandaConnection(
        OandaAddress(url, url),
        TOKEN,
        ACCOUNT,
        clock=time.read,
        monotonic=time.read,
        sleep=time.sleep,
        jitter=jitter,
        retrying=retrying,
        answer_seconds=answer_seconds,
        patience_seconds=patience_seconds,
    ) as connection:
        yield connection


@contextmanager
def serving(
    handler: Handler, time: FakeTime | None = None, **settings: Any
) -> Iterator[tuple[StandIn, OandaConnection]]:
    """Run a stand-in with a connection to it."""
    with stand_in(handler) as server, connected(server.url, time or FakeTime(), **settings) as connection:
        yield server, connection


def answers(replies: list[Reply]) -> Handler:
    """Answer with these replies in turn, and with the last one from then on."""
    remaining = iter(replies)
    last = replies[-1]
    return lambda _asked, _handler: next(remaining, last)
