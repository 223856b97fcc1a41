"""How faulty answers look on the wire when the request never reached the account."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from tests.simulators.oanda.faults import Faults, ResponseFault
from tests.simulators.oanda.routes import UNAUTHORIZED

JSON: Final = "application/json"
_HTML: Final = "text/html; charset=UTF-8"
_NONE: Final[Mapping[str, str]] = {}


class RawAnswer(NamedTuple):
    """An answer as it goes over the wire."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = _NONE


TIMEOUT: Final = RawAnswer(504, JSON, b'{"errorMessage":"Timeout waiting for response."}')
TOO_MANY: Final = RawAnswer(429, JSON, b'{"errorMessage":"Rate limit violation"}')


def refusal_of(fault: ResponseFault | None, faults: Faults) -> RawAnswer | None:
    """Return what answers in place of the account, or None if the request reaches it."""
    match fault:
        case ResponseFault.UNAUTHORIZED:
            return RawAnswer(401, JSON, f'{{"errorMessage":"{UNAUTHORIZED}"}}'.encode())
        case ResponseFault.TOO_MANY_REQUESTS:
            return TOO_MANY
        case ResponseFault.TOO_MANY_REQUESTS_RETRY_AFTER:
            return TOO_MANY._replace(headers={"Retry-After": str(faults.retry_after_seconds)})
        case ResponseFault.INTERNAL_ERROR:
            return RawAnswer(500, JSON, b'{"errorMessage":"Internal server error"}')
        case ResponseFault.BAD_GATEWAY:
            return RawAnswer(502, _HTML, _page("502 Bad Gateway"))
        case ResponseFault.UNAVAILABLE:
            return RawAnswer(503, _HTML, _page("503 Service Temporarily Unavailable"))
        case ResponseFault.CLOUDFLARE:
            return RawAnswer(520, _HTML, _page("520: Web server is returning an unknown error"))
        case ResponseFault.HTML:
            return RawAnswer(200, _HTML, _page("Scheduled maintenance"))
        case ResponseFault.TIMEOUT | ResponseFault.LATE_LANDING:
            return TIMEOUT
        case _:
            return None


def _page(title: str) -> bytes:
    return f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n".encode()
