"""One connection: how long its request may take to come, and how long its answer may wait to be taken."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, NamedTuple, cast

import h11
import uvicorn
from structlog.typing import FilteringBoundLogger
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from shared.web.inbound.addresses import network_of
from shared.web.inbound.checked import CheckedRequests
from shared.web.inbound.crowd import Crowd
from shared.web.inbound.refusals import InboundMetrics, Reason, plain_problem

_WHY: Final[Mapping[int, tuple[Reason, str]]] = {
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: ("head_too_large", "the head of the request is too large")
}
_MALFORMED: Final[tuple[Reason, str]] = ("malformed", "this is no HTTP request")


class Deadlines(NamedTuple):
    """Seconds: for the head of a request, for the body after it, and between two moves of a reader."""

    head: float = 10.0
    body: float = 15.0
    answer: float = 30.0


@dataclass(frozen=True)
class Door:
    """What the connections of a server share: who waits, the deadlines, and where refusals are told.

    `headers` go with whatever the server itself answers.
    """

    server: str
    crowd: "Crowd[BoundedConnection]"
    deadlines: Deadlines
    largest_head_bytes: int
    headers: Mapping[str, str]
    metrics: InboundMetrics
    log: FilteringBoundLogger

    def refused(self, reason: Reason) -> None:
        """Count a refusal."""
        self.metrics.refused.labels(self.server, reason).inc()


class BoundedConfig(uvicorn.Config):
    """How an application is served through a door."""

    def __init__(self, app: Any, door: Door, **options: Any) -> None:
        """Serve an application with uvicorn's own options besides."""
        super().__init__(app, http=BoundedConnection, **options)
        self.door = door
        # What it warns of is told here, with the address; errors still come through.
        self.connection_logger = logging.getLogger("uvicorn.error.connection")
        self.connection_logger.setLevel(logging.ERROR)


class BoundedConnection(H11Protocol):
    """A connection that waits until a whole request has come on it, and is answered then."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Begin as uvicorn does."""
        super().__init__(config, server_state, app_state, _loop)
        self._door = cast(BoundedConfig, config).door
        self.conn: CheckedRequests = CheckedRequests(self._door.largest_head_bytes)
        self.logger = cast(BoundedConfig, config).connection_logger
        self._waits = False
        self._awaits_body = False
        self._request_timer: asyncio.TimerHandle | None = None
        self._answer_timer: asyncio.TimerHandle | None = None
        self._untaken_bytes = 0
        self._moved = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place among those who wait; whoever waited longest may have to leave for it."""
        super().connection_made(transport)
        self._begin_waiting()
        self._await_request(self._door.deadlines.head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up whatever was held."""
        self._end_waiting()
        if self._answer_timer is not None:
            self._answer_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in what was sent; a request has to be whole some time after its first byte."""
        if self._waits and self._request_timer is None:
            self._await_request(self._door.deadlines.head)
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request, and for what was written to be taken."""
        super().on_response_complete()
        self._look()
        if self.transport.get_write_buffer_size():
            self._watch_answer()

    def pause_writing(self) -> None:
        """Stop writing to somebody who does not read, and see to it that this ends."""
        super().pause_writing()
        self._watch_answer()

    def resume_writing(self) -> None:
        """Go on writing."""
        super().resume_writing()
        self._moved = True

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, or none that is taken, and close."""
        del msg
        status = self.conn.refusal
        reason, detail = _WHY.get(status, _MALFORMED)
        self._door.refused(reason)
        self._door.log.warning("connection refused", why=detail, address=self._address())
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._write_refusal(status, plain_problem(status, detail))
        # uvicorn has none before the first request, though its types do not say so.
        cycle = cast(RequestResponseCycle | None, self.cycle)
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()

    def _should_upgrade(self) -> bool:
        # HTTP is all that is spoken here: who asks for more is answered in it.
        return False

    def _write_refusal(self, status: HTTPStatus, body: bytes) -> None:
        headers = {
            **self._door.headers,
            "Content-Type": "application/problem+json",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        events: list[Any] = [
            h11.Response(status_code=status, headers=list(headers.items()), reason=status.phrase.encode()),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ]
        for event in events:
            self.transport.write(self.conn.send(event) or b"")

    def _address(self) -> str:
        return self.client[0] if self.client else "unknown"

    def _look(self) -> None:
        """Find out whether a whole request has come, or one is waited for again."""
        ends = self.transport.is_closing()
        if not ends and self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._end_waiting()
        elif not self._waits and (not ends or self.transport.get_write_buffer_size()):
            # Where nothing more is to come, the rest of an answer still waits to be taken.
            self._begin_waiting()

    def _begin_waiting(self) -> None:
        self._waits = True
        displaced = self._door.crowd.enter(self, network_of(self._address()))
        if displaced is not None:
            displaced.drop("displaced")

    def _end_waiting(self) -> None:
        self._waits = self._awaits_body = False
        self._door.crowd.leave(self)
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _await_request(self, seconds: float) -> None:
        self._request_timer = self.loop.call_later(seconds, self._request_is_late)

    def _request_is_late(self) -> None:
        if self.conn.their_state is h11.SEND_BODY and not self._awaits_body:
            self._awaits_body = True
            self._await_request(self._door.deadlines.body)
        else:
            self.drop("request_late")

    def _watch_answer(self) -> None:
        if self._answer_timer is None:
            self._moved = False
            self._untaken_bytes = self.transport.get_write_buffer_size()
            self._answer_timer = self.loop.call_later(self._door.deadlines.answer, self._look_at_answer)

    def _look_at_answer(self) -> None:
        self._answer_timer = None
        untaken = self.transport.get_write_buffer_size()
        if not untaken:
            return
        if self._moved or untaken < self._untaken_bytes:
            self._watch_answer()
        else:
            self.drop("answer_not_taken")

    def drop(self, reason: Reason) -> None:
        """Close at once, without an answer; what was written and not taken is thrown away."""
        self._waits = False
        self._door.refused(reason)
        self.transport.abort()
