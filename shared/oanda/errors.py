"""What OANDA answers when it does not do as asked, and which of our errors that is."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from shared.contracts.errors import InfrastructureError, InputError, MessageError
from shared.oanda.decoding import read

COUNT_EXCEEDED: Final = "maximum value for 'count' exceeded"
POSITION_DOES_NOT_EXIST: Final = "CLOSEOUT_POSITION_DOESNT_EXIST"
NO_SUCH_POSITION: Final = "NO_SUCH_POSITION"
_HINTS: Final = (
    ("'accountid'", "check the account id"),
    ("time is in the future", "the clock of this machine may be ahead"),
    ("'instrument'", "check the pair against the instruments of the account"),
    ("forbidden", "the token has no access to this account: check both"),
)
# Request timeout and too many requests: nobody looked at what was asked.
_ASK_LATER: Final = (408, 429)
_STATUS_HINTS: Final = {
    403: "the token has no access to this account: check both",
    404: "check address and account",
    405: "check the address",
}


class ErrorBody(NamedTuple):
    """The body of an error: OANDA's code, where there is one, its sentence, and its words for rejecting orders."""

    code: str | None
    message: str
    rejections: tuple[str, ...]


class OandaRefusedError(InputError):
    """OANDA understood the request and refuses it; asking again gives the same answer."""

    def __init__(self, sentence: str, status: int, body: ErrorBody) -> None:
        """Keep the status and the body for callers that tell refusals apart."""
        super().__init__(sentence)
        self.status = status
        self.body = body


class OandaUnauthorizedError(InputError):
    """OANDA refused the token several times: it is wrong, revoked or of the other environment; give another."""


class OandaUnavailableError(InfrastructureError):
    """OANDA could not be asked or gave no usable answer; `status` is None where there was no answer at all.

    A PUT that raises this was not carried out.
    """

    def __init__(self, sentence: str, status: int | None = None) -> None:
        """Keep the status of the last answer."""
        super().__init__(sentence)
        self.status = status


class OandaAmbiguousError(InfrastructureError):
    """A request that changes something was sent, and nobody knows whether it was carried out.

    Never send it again before the transactions since then were searched for it: `resume_close` does that.
    """


class _Transaction(msgspec.Struct):
    rejectReason: str | None = None  # noqa: N815 - OANDA's name


class _Body(msgspec.Struct):
    errorCode: str | None = None  # noqa: N815 - OANDA's names
    errorMessage: str | None = None  # noqa: N815


def parse_error_body(body: Mapping[str, Any]) -> ErrorBody:
    """Read the body of an error; MessageError where its fields are of other types than OANDA's."""
    fields = read(body, _Body, "error")
    rejected = [
        read(value, _Transaction, name).rejectReason
        for name, value in sorted(body.items())
        if name.endswith("RejectTransaction") and isinstance(value, Mapping)
    ]
    return ErrorBody(fields.errorCode, fields.errorMessage or "", tuple(filter(None, rejected)))


def refuses(status: int | None) -> bool:
    """Return whether an answer of this status refuses what was asked, whoever gave it."""
    return status is not None and 300 <= status < 500 and status not in _ASK_LATER


def is_refusal(body: Mapping[str, Any] | None) -> bool:
    """Return whether a body is one with which OANDA itself refuses, and not the page of whoever stands in between."""
    return body is not None and any(isinstance(body.get(name), str) for name in ("errorMessage", "errorCode"))


def refusal(status: int, method: str, path: str, body: Mapping[str, Any] | None, beginning: str) -> OandaRefusedError:
    """Return a definite refusal as an error with one sentence: what was asked, what OANDA says, how to mend it."""
    try:
        known = parse_error_body(body or {})
    except MessageError:
        known = ErrorBody(code=None, message="", rejections=())
    said = known.message or known.code or beginning or "nothing more"
    lowered = said.lower()
    hint = next((mend for part, mend in _HINTS if part in lowered), _STATUS_HINTS.get(status))
    if 300 <= status < 400:
        hint = "redirections are not followed: check the address"
    sentence = f"OANDA refuses {method} {path} (HTTP {status}): {said.rstrip('.')}"
    return OandaRefusedError(f"{sentence}; {hint}" if hint else sentence, status, known)
