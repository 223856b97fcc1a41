"""The port for monitors: /healthz, /readyz and /metrics, in a thread of its own."""

import json
import threading
from http import HTTPStatus
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import Receive, Scope, Send

from shared.contracts.errors import InputError
from shared.runtime.health import Health
from shared.runtime.logs import Log
from shared.web.inbound.addresses import among
from shared.web.inbound.connection import Deadlines, Door
from shared.web.inbound.crowd import Crowd, Room
from shared.web.inbound.refusals import HEADERS, InboundMetrics
from shared.web.inbound.serving import BoundedServer, bounded_config, listener_at

_SERVER: Final = "health"
# A monitor asks at once and takes the answer at once; a few of them are many.
_WAITING: Final = Room(places=64, of_an_address=32)
_DEADLINES: Final = Deadlines(head=5.0, body=5.0, answer=5.0)
_LARGEST_HEAD_BYTES: Final = 8 * 1_024
_END_SECONDS: Final = 8.0
_JSON: Final = "application/json"


class HealthServer:
    """Serve what a service tells of itself."""

    def __init__(self, health: Health, log: Log, host: str, port: int) -> None:
        """Listen on host and port; port 0 takes any that is free. Raises InputError where that cannot be done."""
        try:
            self._listener = listener_at(host, port)
        except OSError as fault:
            raise InputError(
                f"cannot listen on {host}:{port} ({fault.strerror}); choose another --health-host or --health-port"
            ) from fault
        door = Door(
            server=_SERVER,
            crowd=Crowd(_WAITING, among(())),
            deadlines=_DEADLINES,
            largest_head_bytes=_LARGEST_HEAD_BYTES,
            headers=HEADERS,
            metrics=health.metrics.of(InboundMetrics),
            log=log,
        )
        self.port: Final = int(self._listener.getsockname()[1])
        self._server = BoundedServer(bounded_config(_Answers(health), door, host, self.port, lifespan="off"))
        self._thread = threading.Thread(target=self._run, name=_SERVER, daemon=True)

    def __enter__(self) -> "HealthServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(_END_SECONDS)
        self._listener.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])


class _Answers:
    """The application behind the port."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; to HEAD as to GET, of which the server leaves the body out."""
        del receive
        if scope["method"] in ("GET", "HEAD"):
            status, kind, body = self._answer(scope["path"])
        else:
            status, kind, body = HTTPStatus.METHOD_NOT_ALLOWED, _JSON, _document({"error": "ask with GET or HEAD"})
        headers = {**HEADERS, "Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close"}
        start = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": start})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        match path:
            case "/healthz":
                alive = self._health.alive()
                return _status(alive), _JSON, _document({"alive": alive})
            case "/readyz":
                missing = self._health.missing()
                return _status(not missing), _JSON, _document({"ready": not missing, "waiting_for": missing})
            case "/metrics":
                return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self._health.metrics.registry)
            case _:
                return HTTPStatus.NOT_FOUND, _JSON, _document({"error": "there are /healthz, /readyz and /metrics"})


def _status(well: bool) -> HTTPStatus:
    return HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE


def _document(content: object) -> bytes:
    return json.dumps(content).encode()
