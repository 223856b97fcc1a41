"""How faulty answers look on the wire when the request never reached the account."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from tests.simulators.oanda.faults import Faults, ResponseFault
from tests.simulators.oanda.routes import FORBIDDEN, UNAUTHORIZED, UNKNOWN_PATH

JSON: Final = "application/json"
_HTML: Final = "text/html; charset=UTF-8"
_NONE: Final[Mapping[str, str]] = {}


class RawAnswer(NamedTuple):
    """An answer as it goes over the wire."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = _NONE


def _page(title: str) -> bytes:
    return f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n".encode()


def _said(status: int, message: str) -> RawAnswer:
    return RawAnswer(status, JSON, f'{{"errorMessage":"{message}"}}'.encode())


def _shown(status: int, title: str, headers: Mapping[str, str] = _NONE) -> RawAnswer:
    return RawAnswer(status, _HTML, _page(title), headers)


TIMEOUT: Final = _said(504, "Timeout waiting for response.")
TOO_MANY: Final = _said(429, "Rate limit violation")
_ANSWERS: Final = {
    ResponseFault.UNAUTHORIZED: _said(401, UNAUTHORIZED),
    ResponseFault.TOO_MANY_REQUESTS: TOO_MANY,
    ResponseFault.INTERNAL_ERROR: _said(500, "Internal server error"),
    ResponseFault.BAD_GATEWAY: _shown(502, "502 Bad Gateway"),
    ResponseFault.UNAVAILABLE: _shown(503, "503 Service Temporarily Unavailable"),
    ResponseFault.CLOUDFLARE: _shown(520, "520: Web server is returning an unknown error"),
    ResponseFault.HTML: _shown(200, "Scheduled maintenance"),
    ResponseFault.OTHER_SHAPE: RawAnswer(200, JSON, b'{"status":"ok","maintenance":{"until":null}}'),
    ResponseFault.FORBIDDEN: _said(403, FORBIDDEN),
    ResponseFault.FORBIDDEN_PAGE: _shown(403, "403 Forbidden"),
    ResponseFault.NOT_FOUND: _said(404, UNKNOWN_PATH),
    ResponseFault.NOT_FOUND_PAGE: _shown(404, "404 Not Found"),
    ResponseFault.MOVED: _shown(302, "302 Found", {"Location": "http://127.0.0.1:1/maintenance"}),
    ResponseFault.TIMEOUT: TIMEOUT,
    ResponseFault.LATE_LANDING: TIMEOUT,
}


def refusal_of(fault: ResponseFault | None, faults: Faults) -> RawAnswer | None:
    """Return what answers in place of the account, or None if the request reaches it."""
    if fault is ResponseFault.TOO_MANY_REQUESTS_RETRY_AFTER:
        return TOO_MANY._replace(headers={"Retry-After": str(faults.retry_after_seconds)})
    return None if fault is None else _ANSWERS.get(fault)
