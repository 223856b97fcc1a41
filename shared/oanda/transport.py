"""One exchange with OANDA over HTTP/1.1: sent at most once, bounded in time and size, and never showing the token."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

import httpx

from shared.oanda.environment import AccessToken, OandaAddress
from shared.oanda.limits import OandaLimits
from shared.web.client import RoutedTransport
from shared.web.way_out import STRAIGHT, WayOut

CONNECT_SECONDS: Final = 5.0
LARGEST_BODY_BYTES: Final = 64 * 2**20
_KEEP_ALIVE_SECONDS: Final = 30.0
_CONNECTING: Final = "connection.connect_tcp.started"
_SENDING: Final = "http11.send_request_headers.started"
# A proxy is asked to connect first, which is not yet the request.
_TO_THE_PROXY: Final = b"CONNECT"


class Reply(NamedTuple):
    """An answer as it came; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class NoReplyError(Exception):
    """No whole answer came; `sent` says whether the server may have seen the request."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        """Keep the reason in words."""
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


class _Attempt:
    """What httpx tells about one request on its way: it waits for a turn to connect and notes the sending."""

    def __init__(self, limits: OandaLimits) -> None:
        self._limits = limits
        self.sent = False

    def trace(self, event: str, details: Mapping[str, object]) -> None:
        """Take an event of httpx's trace extension."""
        if event == _CONNECTING:
            self._limits.connections.wait()
        elif event == _SENDING and getattr(details.get("request"), "method", b"") != _TO_THE_PROXY:
            self.sent = True


class Transport:
    """Requests to one address with one token; threads may share it."""

    def __init__(
        self,
        address: OandaAddress,
        token: AccessToken,
        limits: OandaLimits,
        answer_seconds: float,
        way: WayOut = STRAIGHT,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Allow each answer `answer_seconds`; nothing is connected before the first request.

        An answer is timed by the clock that times its connection, whatever clock those who ask live by.
        """
        self._address = address
        self._token = token
        self._limits = limits
        self._monotonic = monotonic
        self._answer_seconds = answer_seconds
        self._client = httpx.Client(
            headers={
                "Authorization": f"Bearer {token.reveal()}",
                "Accept-Datetime-Format": "RFC3339",
                "User-Agent": "scalpbot",
            },
            transport=RoutedTransport(way, httpx.Limits(keepalive_expiry=_KEEP_ALIVE_SECONDS)),
            follow_redirects=False,
            trust_env=False,
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def exchange(
        self, method: str, path: str, params: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Reply:
        """Send one request, once, and return the whole answer; raise NoReplyError where none came."""
        end = self._monotonic() + self._limits.requests.wait() + CONNECT_SECONDS + self._answer_seconds
        attempt = _Attempt(self._limits)
        url = f"{self._address.rest_url}/v3{path}"
        headers = {} if body is None else {"Content-Type": "application/json"}
        timeout = httpx.Timeout(self._answer_seconds, connect=CONNECT_SECONDS)
        try:
            with self._client.stream(
                method,
                url,
                params=params,
                content=body,
                headers=headers,
                timeout=timeout,
                extensions={"trace": attempt.trace},
            ) as response:
                content = self._content(response, end)
                return Reply(response.status_code, dict(response.headers), self._token.hidden_in(content))
        except (httpx.HTTPError, OSError) as error:
            raise NoReplyError(in_words(error), sent=attempt.sent) from None

    @contextmanager
    def stream(
        self, path: str, params: Mapping[str, str], silence_seconds: float
    ) -> Generator[httpx.Response, None, None]:
        """Open a stream on a connection of its own; reading waits at most `silence_seconds` for the next bytes.

        Faults are httpx's own errors; `in_words` words them.
        """
        self._limits.requests.wait()
        with self._client.stream(
            "GET",
            f"{self._address.stream_url}/v3{path}",
            params=params,
            headers={"Accept-Encoding": "identity"},
            timeout=httpx.Timeout(silence_seconds, connect=CONNECT_SECONDS),
            extensions={"trace": _Attempt(self._limits).trace},
        ) as response:
            yield response

    def rest_of(self, response: httpx.Response) -> bytes:
        """Return the body of a stream's refusal, without the token."""
        return self._token.hidden_in(self._content(response, self._monotonic() + self._answer_seconds))

    def _content(self, response: httpx.Response, end: float) -> bytes:
        parts = []
        size = 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > LARGEST_BODY_BYTES:
                raise httpx.ReadError(f"the answer is longer than {LARGEST_BODY_BYTES} bytes")
            if self._monotonic() > end:
                raise httpx.ReadTimeout("the answer came too slowly")
        return b"".join(parts)


def in_words(error: Exception) -> str:
    """Return a fault of the connection in a few words."""
    match error:
        case httpx.ConnectTimeout():
            return f"no connection within {CONNECT_SECONDS:g} s"
        case httpx.ReadTimeout():
            return str(error) if "too slowly" in str(error) else "no answer in time"
        case httpx.TimeoutException():
            return "timed out"
        case httpx.ConnectError():
            return f"no connection: {error}"
        case _:
            return f"{type(error).__name__}: {error}".rstrip(": ")
