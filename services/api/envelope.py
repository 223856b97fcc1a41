"""Around every request: its id, a limit to its body, the headers of its answer, its figures, and the last resort."""

import asyncio
import time
from http import HTTPStatus
from secrets import token_hex
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.admission import Admission, NoPlaceError
from services.api.context import SERVICE, ApiContext
from services.api.metrics import ApiMetrics
from services.api.problems import ProblemError, problem
from shared.web.inbound.refusals import HEADERS, InboundMetrics

LARGEST_BODY_BYTES: Final = 64 * 1_024
_SLOWEST_BODY_SECONDS: Final = 10.0
_WITH_BODY: Final = ("POST", "PUT", "PATCH", "DELETE")
_METHODS: Final = ("GET", "HEAD", "OPTIONS", *_WITH_BODY)
_OTHER: Final = "other"
_LONGEST_LENGTH: Final = 9

_HSTS: Final = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")


def headers_of(context: ApiContext) -> dict[str, str]:
    """Return the headers that every answer has."""
    return {**HEADERS, **({_HSTS[0]: _HSTS[1]} if context.behind_tls else {})}


class _BodyError(ProblemError):
    """The body of a request cannot be taken in: it is too large, or does not arrive."""


class Envelope:
    """Wrap the application; nothing that happens inside leaves it but as an answer."""

    def __init__(self, app: ASGIApp, context: ApiContext, metrics: ApiMetrics, admission: Admission) -> None:
        self._app = app
        self._log = context.log
        self._metrics = metrics
        self._refused = context.health.metrics.of(InboundMetrics).refused.labels(SERVICE, "no_place")
        self._admission = admission
        self._headers = headers_of(context)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope["request_id"] = token_hex(8)
        began, status = time.perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update({**self._headers, "X-Request-Id": request_id})
            await send(message)

        async def refuse(refusal: ProblemError) -> None:
            await problem(scope["path"], request_id, refusal)(scope, receive, answer)

        try:
            receive_whole = await _body_of(scope, receive)
            with self._admission.place(scope):
                await self._app(scope, receive_whole, answer)
        except NoPlaceError as fault:
            self._refused.inc()
            await refuse(fault)
        except _BodyError as fault:
            await refuse(fault)
        except Exception:  # the last resort: nothing of the inside may be told
            self._log.exception("request failed", request_id=request_id, path=scope["path"])
            if not status:
                detail = "the request failed; the log has the reason under its id"
                await refuse(ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, detail))
        finally:
            self._measure(scope, status, time.perf_counter() - began)

    def _measure(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", _OTHER)
        method = scope["method"] if scope["method"] in _METHODS else _OTHER
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)


async def _body_of(scope: Scope, receive: Receive) -> Receive:
    """Return how the application receives the body, read in full before it is asked: what counts is what arrives."""
    if scope["method"] not in _WITH_BODY:
        return receive
    # What says so itself is not invited to be sent.
    declared = Headers(scope=scope).get("content-length", "0")
    if len(declared) > _LONGEST_LENGTH or int(declared) > LARGEST_BODY_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(_SLOWEST_BODY_SECONDS):
            whole = [await _whole_body(receive)]
    except TimeoutError:
        raise _BodyError(HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time") from None

    async def receive_whole() -> Message:
        return whole.pop() if whole else await receive()

    return receive_whole


async def _whole_body(receive: Receive) -> Message:
    body, complete = bytearray(), False
    while not complete:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _BodyError(HTTPStatus.BAD_REQUEST, "the body was cut off")
        body += message.get("body", b"")
        complete = not message.get("more_body", False)
        if len(body) > LARGEST_BODY_BYTES:
            raise _too_large()
    return {"type": "http.request", "body": bytes(body), "more_body": False}


def _too_large() -> _BodyError:
    return _BodyError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {LARGEST_BODY_BYTES} bytes")
