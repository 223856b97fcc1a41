"""Requests and answers of the simulated server, and the errors that it words as OANDA does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from shared.core.types import Candle
from tests.simulators.oanda.moments import Body, Moment, format_moment, parse_moment

INVALID_PARAMETER: Final = "oanda::rest::core::InvalidParameterException"
MISSING_DATA: Final = "The request was missing required data"


class ServedCandle(NamedTuple):
    """A candle that was handed out as complete; prices in points, whichever of them were asked for."""

    pair: str
    granularity_seconds: int
    candle: Candle


class RecordedRequest(NamedTuple):
    """A request as it arrived; `time` is the market's in seconds, the path has no host and no query."""

    number: int
    time: float
    method: str
    path: str
    params: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class Request:
    """A request that a route answers."""

    number: int
    method: str
    path: str
    params: Mapping[str, str]
    body: str
    unix_times: bool

    def moment(self, name: str) -> int | None:
        """Return a time among the parameters in nanoseconds, or None without it; raise `ApiError` if it is bad."""
        text = self.params.get(name)
        if text is None:
            return None
        try:
            return parse_moment(text, unix=self.unix_times)
        except ValueError:
            raise invalid(name) from None

    def count(self, name: str, default: int | None = None) -> int | None:
        """Return a whole number among the parameters; raise `ApiError` if it is not one above or at zero."""
        text = self.params.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit()):
            raise invalid(name)
        return int(text)

    def flag(self, name: str) -> bool | None:
        """Return a switch among the parameters, or None without it; raise `ApiError` if it is neither on nor off."""
        text = self.params.get(name)
        if text is None:
            return None
        if text.lower() not in {"true", "false"}:
            raise invalid(name)
        return text.lower() == "true"

    def json(self) -> dict[str, Any]:
        """Return the object in the body; raise `ApiError` if there is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ApiError(400, {"errorMessage": MISSING_DATA})
        return found


@dataclass(frozen=True)
class Response:
    """An answer, and which candles it hands out as complete."""

    status: int
    body: Body
    served: tuple[ServedCandle, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self, *, unix_times: bool) -> bytes:
        """Return the body as compact JSON, with times in the form that was asked for."""

        def written(value: object) -> str:
            assert isinstance(value, Moment), value
            return format_moment(value.nanoseconds, unix=unix_times)

        return json.dumps(self.body, separators=(",", ":"), default=written).encode()


class ApiError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, body: Body) -> None:
        """Take the HTTP status and the body of the answer."""
        super().__init__(status, body)
        self.response: Final = Response(status, body)


def failure(status: int, message: str, code: str | None = None) -> ApiError:
    """Return an error with a message, and a code if it has one."""
    body: Body = {"errorMessage": message}
    if code is not None:
        body["errorCode"] = code
    return ApiError(status, body)


def invalid(name: str) -> ApiError:
    """Return the error of a parameter that cannot be used."""
    return failure(400, f"Invalid value specified for '{name}'")
