"""Bodies into typed values: what does not fit is a MessageError that says which field."""

from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from shared.contracts.errors import MessageError

Shape = TypeVar("Shape")
_LONGEST_ID: Final = 20
_MOST_CHARACTERS: Final = 80


def json_object(content: bytes) -> dict[str, Any] | None:
    """Return the JSON object that content is, None for anything else, such as HTML."""
    try:
        decoded = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None


def read(body: object, shape: type[Shape], what: str) -> Shape:
    """Return a decoded body in its shape, ignoring fields that the shape lacks; MessageError where it does not fit."""
    try:
        return msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        raise MessageError(f"OANDA's {what} cannot be read: {error}") from None


def finite(number: Decimal, what: str) -> Decimal:
    """Return a number that is one; MessageError for NaN, infinity and sizes that no amount has."""
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise MessageError(f"OANDA's {what} is {number}, which is no amount")
    return number


def transaction_number(written: str | int) -> int:
    """Return a transaction's id as the number that it is; MessageError where it is none."""
    text = str(written)
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID):
        raise MessageError(f"OANDA's transaction id {text[:_LONGEST_ID]!r} is no whole number")
    return int(text)


def beginning_of(content: bytes) -> str:
    """Return the beginning of what came as one printable line, for a message."""
    text = " ".join(content[: 4 * _MOST_CHARACTERS].decode("utf-8", "replace").split())
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."
