"""What a fault of pika or the broker means: worth another try, or to be mended by a person first."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from pika.exceptions import ChannelClosed, ConnectionClosed

from shared.contracts.errors import InfrastructureError, InputError

ACCESS_REFUSED: Final = 403
NOT_FOUND: Final = 404
PRECONDITION_FAILED: Final = 406
NOT_ALLOWED: Final = 530
INTERNAL_ERROR: Final = 541
# pika writes a refusal during the handshake into the text of another exception.
_REFUSAL_IN_TEXT: Final = re.compile(r"ConnectionClosedByBroker: \((\d+)\) (.*)", re.DOTALL)


class ClosedByBroker(NamedTuple):
    """What the broker said when it closed a connection or a channel."""

    code: int
    text: str


def fault_of(error: BaseException) -> InputError | InfrastructureError:
    """Return a fault as the error that callers tell apart: InputError where trying again does not help."""
    if isinstance(error, InputError | InfrastructureError):
        return error
    refused = refusal(error)
    if refused is None:
        return InfrastructureError(f"the connection to the broker failed: {_in_words(error)}")
    code, text = refused
    if code == ACCESS_REFUSED or (code == NOT_ALLOWED and "is down" not in text):
        return InputError(f"the broker refuses: {text}; check user, password, vhost and rights in RABBITMQ_URL")
    if code == PRECONDITION_FAILED and "inequivalent" in text:
        return InputError(
            f"the broker has it with other settings: {text}; delete it there once it is empty, then run `scalpbot bus "
            "declare`"
        )
    if code == NOT_FOUND:
        return InfrastructureError(f"the broker lacks it: {text}; `scalpbot bus declare` makes what is missing")
    return InfrastructureError(f"the broker closed the connection: {code} {text}")


def refusal(error: BaseException) -> ClosedByBroker | None:
    """Return the refusal that led to an error, None where there was none."""
    for cause in _causes(error):
        if isinstance(cause, ConnectionClosed | ChannelClosed):
            return ClosedByBroker(cause.reply_code, cause.reply_text)
        for words in cause.args:
            found = _REFUSAL_IN_TEXT.search(words) if isinstance(words, str) else None
            if found is not None:
                return ClosedByBroker(int(found[1]), found[2].strip("'\""))
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    yield error
    inner = (*error.args, *getattr(error, "exceptions", ()), getattr(error, "exception", None), error.__cause__)
    for cause in inner:
        if isinstance(cause, BaseException):
            yield from _causes(cause)


def _in_words(error: BaseException) -> str:
    *_, root = _causes(error)
    return f"{type(root).__name__}: {' '.join(map(str, root.args))}".rstrip(": ")
