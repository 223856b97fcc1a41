"""Asking OANDA: questions are put again where that can help, and what changes something is never sent twice."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from shared.contracts.errors import InfrastructureError, MessageError
from shared.oanda.decoding import beginning_of, json_object
from shared.oanda.environment import AccessToken, OandaAddress
from shared.oanda.errors import (
    OandaAmbiguousError,
    OandaRefusedError,
    OandaUnauthorizedError,
    OandaUnavailableError,
    is_refusal,
    refusal,
    refuses,
)
from shared.oanda.limits import oanda_limits
from shared.oanda.retries import TOO_MANY_REQUESTS, UNAUTHORIZED, RetryPauses, Trouble, retry_after_seconds
from shared.oanda.transport import NoReplyError, Reply, Transport, in_words
from shared.web.way_out import STRAIGHT, WayOut

ANSWER_SECONDS: Final = 20.0
PATIENCE_SECONDS: Final = 60.0
_REQUEST_TIMEOUT: Final = 408
_NOT_CARRIED_OUT: Final = (UNAUTHORIZED, TOO_MANY_REQUESTS)

Parsed = TypeVar("Parsed")


class OandaAnswer(NamedTuple):
    """A definite answer: the decoded JSON object (empty where none came), and how the body begins, for messages."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    beginning: str


class OandaConnection:
    """A connection to one environment with one token and one account; threads may share it.

    Paths begin after /v3; `{accountID}` in them stands for the account. There is no POST, so no order can be placed.
    """

    def __init__(
        self,
        address: OandaAddress,
        token: str,
        account_id: str,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
        retrying: Callable[[str, float], None] = lambda _reason, _pause_seconds: None,
        answer_seconds: float = ANSWER_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        way: WayOut = STRAIGHT,
    ) -> None:
        """Prepare to ask, without connecting yet; InputError where the token cannot be one, or the way out is none.

        `clock` is seconds since the epoch, `monotonic` and `sleep` are seconds, `jitter` gives numbers from 0 to 1.
        `retrying` is told why a question will be put again, and after what pause. A question may take
        `patience_seconds` with all its tries, one answer `answer_seconds`.
        """
        self._host = urlsplit(address.rest_url).netloc
        self._stream_host = urlsplit(address.stream_url).netloc
        self._account_id = account_id
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._patience_seconds = patience_seconds
        self.monotonic: Final = monotonic
        self._retrying = retrying
        limits = oanda_limits(monotonic, sleep)
        self._transport = Transport(address, AccessToken(token), limits, answer_seconds, way)

    def __repr__(self) -> str:
        return f"OandaConnection({self._host})"

    def __enter__(self) -> "OandaConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def wait(self, seconds: float) -> None:
        """Pause, by the sleep that was given."""
        self._sleep(seconds)

    def ask(
        self,
        path: str,
        parse: Callable[[Mapping[str, Any]], Parsed],
        params: Mapping[str, str] | None = None,
        *,
        patience_seconds: float | None = None,
    ) -> Parsed:
        """Return what is read from a 200 answer, asking again on whatever is no answer of OANDA's.

        That is 401 (three times), 429, 5xx, faults of the line, refusals that are not OANDA's own, such as the page of
        a proxy, and bodies that `parse` cannot read, for which it raises MessageError. Raises OandaRefusedError,
        OandaUnauthorizedError, and OandaUnavailableError when patience ends.
        """
        patience = self._patience_seconds if patience_seconds is None else patience_seconds
        pauses = RetryPauses(patience, self.monotonic, self._jitter)
        while True:
            try:
                reply = self._transport.exchange("GET", self._filled(path), params)
                outcome = self._judged(path, reply)
                if not isinstance(outcome, Trouble):
                    return parse(outcome)
                trouble = outcome
            except NoReplyError as failure:
                trouble = Trouble(failure.reason)
            except MessageError as unreadable:
                trouble = Trouble(str(unreadable), reply.status)
            pause = pauses.next_seconds(trouble)
            if pause is None:
                raise self._given_up(path, pauses.tries, trouble)
            self._retrying(trouble.reason, pause)
            self._sleep(pause)

    def put(self, path: str, body: Mapping[str, Any]) -> OandaAnswer:
        """Send a change exactly once and return the definite answer, whatever its status below 500.

        401 and 429 mean that it was not carried out. Raises OandaUnavailableError where it was not even sent, and
        OandaAmbiguousError where nobody knows: no whole answer, a 5xx, a 2xx that is not JSON, or a refusal that is not
        OANDA's own.
        """
        try:
            reply = self._transport.exchange("PUT", self._filled(path), body=msgspec.json.encode(body))
        except NoReplyError as failure:
            if failure.sent:
                raise self._ambiguous(path, failure.reason) from None
            raise OandaUnavailableError(f"PUT {path} was not sent to {self._host}: {failure.reason}") from None
        decoded = json_object(reply.content)
        status = reply.status
        told = decoded is not None if status < 300 else is_refusal(decoded) or status in _NOT_CARRIED_OUT
        if status >= 500 or status == _REQUEST_TIMEOUT or not told:
            raise self._ambiguous(path, _described(reply))
        beginning = beginning_of(reply.content)
        return OandaAnswer(status=status, body=decoded or {}, headers=reply.headers, beginning=beginning)

    @contextmanager
    def stream(
        self, path: str, params: Mapping[str, str], silence_seconds: float
    ) -> Generator[httpx.Response, None, None]:
        """Open a stream of OANDA's stream host; all faults while it is open are raised as OandaUnavailableError."""
        try:
            with self._transport.stream(self._filled(path), params, silence_seconds) as response:
                if response.status_code != 200:
                    reply = Reply(response.status_code, dict(response.headers), self._transport.rest_of(response))
                    raise OandaUnavailableError(
                        f"{self._stream_host} refuses the stream {path}: {_described(reply)}", reply.status
                    )
                yield response
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            reason = in_words(error)
            if isinstance(error, httpx.ReadTimeout):
                reason = f"nothing arrived for {silence_seconds:g} s"
            raise OandaUnavailableError(f"the stream {path} of {self._stream_host} broke: {reason}") from None

    def _filled(self, path: str) -> str:
        return path.replace("{accountID}", self._account_id)

    def _judged(self, path: str, reply: Reply) -> Mapping[str, Any] | Trouble:
        decoded = json_object(reply.content)
        status = reply.status
        if status == 200 and decoded is not None:
            return decoded
        own = is_refusal(decoded)
        if own and refuses(status) and status != UNAUTHORIZED:
            raise refusal(status, "GET", path, decoded, beginning_of(reply.content))
        wait_seconds = retry_after_seconds(reply.headers, self._clock())
        return Trouble(_described(reply), status, wait_seconds, unauthorized=own and status == UNAUTHORIZED)

    def _given_up(self, path: str, tries: int, trouble: Trouble) -> InfrastructureError | OandaUnauthorizedError:
        times = "once" if tries == 1 else f"{tries} times"
        if trouble.unauthorized:
            return unauthorized(self._host, times)
        return OandaUnavailableError(
            f"{self._host} was asked {times} for GET {path} without success, at last: {trouble.reason}", trouble.status
        )

    def _ambiguous(self, path: str, reason: str) -> OandaAmbiguousError:
        return OandaAmbiguousError(
            f"PUT {path} was sent to {self._host}, and whether it was carried out is unknown: {reason}"
        )

    def refused(self, answer: OandaAnswer, path: str) -> OandaRefusedError | OandaUnauthorizedError:
        """Return the error for a PUT's definite answer that is of no use."""
        if answer.status == UNAUTHORIZED:
            return unauthorized(self._host, "once more")
        return refusal(answer.status, "PUT", path, answer.body, answer.beginning)


def unauthorized(host: str, times: str) -> OandaUnauthorizedError:
    """Return the error for a token that was refused for good."""
    return OandaUnauthorizedError(
        f"{host} refused the token {times} (HTTP 401): a token works in one environment only, so check that it is of "
        "the chosen one (practice or live), copied whole, and not revoked"
    )


def _described(reply: Reply) -> str:
    decoded = json_object(reply.content)
    message = None if decoded is None else decoded.get("errorMessage")
    if isinstance(message, str) and message:
        return f"HTTP {reply.status}, {message.rstrip('.')}"
    beginning = beginning_of(reply.content)
    kind = "" if decoded is not None else " without JSON"
    said = f"HTTP {reply.status}{kind}, beginning '{beginning}'" if beginning else f"HTTP {reply.status} without a body"
    if 300 <= reply.status < 400:
        return f"{said}; redirections are not followed: check the address, and look for a proxy in between"
    if 400 <= reply.status < 500:
        return f"{said}; this is not OANDA's own answer: check the address, and look for a proxy in between"
    return said
