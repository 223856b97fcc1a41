"""Whole points and quanta to exact decimal text and back; no binary float is ever involved."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

MONEY_DIGITS: Final = 4
PIPS_DIGITS: Final = 1
# A text such as 1e999999999 must not make a number that fills the memory.
_MOST_WHOLE_DIGITS: Final = 30


def format_fixed(value: int, digits: int) -> str:
    """Write an integer counted in steps of 10**-digits as decimal text with exactly `digits` decimals (at least 1)."""
    if value < 0:
        return "-" + format_fixed(-value, digits)
    text = str(value).rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}"


def parse_fixed(text: str, digits: int) -> int:
    """Read decimal text as an integer counted in steps of 10**-digits.

    Raises ValueError when the text is not a finite decimal number of a sensible size or lies between two steps.
    """
    whole, _, fraction = text.partition(".")
    if len(fraction) == digits and fraction.isdecimal() and whole.isdecimal() and text.isascii():
        return int(whole + fraction)
    return _parse_any(text, digits)


def format_points(points: int, digits: int) -> str:
    """Write a price in points as decimal text with the instrument's digits, such as `1.38686`."""
    return format_fixed(points, digits)


def parse_points(text: str, digits: int) -> int:
    """Read a price as whole points; raises ValueError as `parse_fixed` does."""
    return parse_fixed(text, digits)


def digits_in(text: str) -> int:
    """Return the decimals with which a price was written, as `format_points` writes them: at least 1."""
    return max(1, len(text.partition(".")[2]))


def common_digits(texts: Sequence[str]) -> int:
    """Return the decimals with which prices of one instrument were written; ValueError where they are not all alike."""
    digits = digits_in(texts[0])
    if any(digits_in(text) != digits for text in texts):
        raise ValueError(f"the prices {', '.join(texts)} are not written with the same decimals")
    return digits


def format_money(quanta: int) -> str:
    """Write money in quanta as decimal text with four decimals, such as `-2.3957`."""
    return format_fixed(quanta, MONEY_DIGITS)


def parse_money(text: str) -> int:
    """Read money as whole quanta; raises ValueError as `parse_fixed` does."""
    return parse_fixed(text, MONEY_DIGITS)


def format_pips(points: int) -> str:
    """Write a distance in points as pips with one decimal, since a point is a tenth of a pip."""
    return format_fixed(points, PIPS_DIGITS)


def _parse_any(text: str, digits: int) -> int:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a decimal number") from None
    if not number.is_finite() or "_" in text:
        raise ValueError(f"{text!r} is not a decimal number")
    sign, figures, exponent = number.as_tuple()
    if number.adjusted() > _MOST_WHOLE_DIGITS:
        raise ValueError(f"{text!r} is out of range")
    written = "".join(map(str, figures))
    surplus = -(digits + int(exponent))
    if surplus > 0:
        written, rest = written[:-surplus], written[-surplus:]
        if rest.strip("0"):
            raise ValueError(f"{text!r} has more than {digits} decimals")
    else:
        written += "0" * -surplus
    steps = int(written or "0")
    return -steps if sign else steps
