"""How results look: tables on a terminal or as plain text, JSON documents, money, percentages and times."""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final, TextIO, overload

from rich.cells import cell_len

from services.cli.terminal.streams import printable
from shared.contracts.decimals import MONEY_DIGITS

NO_VALUE: Final = "-"
_FIGURE_DIGITS: Final = 6
_NEXT_UNIT: Final = 1_000
# The exit code where what was asked about did not hold.
DID_NOT_HOLD: Final = 3


def say(text: str = "", indent: int | None = None) -> None:
    """Write a line of the result to stdout; on a terminal it is folded between words."""
    sys.stdout.write(f"{_fit(printable(text), sys.stdout, indent)}\n")


def note(text: str) -> None:
    """Write a line that is not part of the result to stderr."""
    sys.stderr.write(f"{_fit(printable(text), sys.stderr)}\n")
    sys.stderr.flush()


def say_json(document: object, *, in_one_line: bool = False) -> None:
    """Write one JSON document to stdout, in one line where others come before it."""
    text = json.dumps(document, indent=None if in_one_line else 2, allow_nan=False)
    sys.stdout.write(f"{printable(text)}\n")


def say_figures(title: str, figures: Iterable[tuple[str, str]]) -> None:
    """Write named figures to stdout, one to a line."""
    lines = list(figures)
    width = max((len(name) for name, _ in lines), default=0)
    say(title)
    for name, value in lines:
        say(f"  {name:<{width}}  {value}".rstrip(), indent=width + 4)
    say()


def _fit(text: str, stream: TextIO, indent: int | None = None) -> str:
    """Return a text as a terminal has room for it: folded between words, below the beginning of its line."""
    if not stream.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(line if cell_len(line) <= width else _folded(line, width, indent) for line in text.split("\n"))


def _folded(line: str, width: int, indent: int | None) -> str:
    spaces = len(line) - len(line.lstrip()) + 2 if indent is None else indent
    below = " " * min(spaces, width // 2)
    return textwrap.fill(
        line, width, subsequent_indent=below, break_long_words=True, break_on_hyphens=False, drop_whitespace=True
    )


def amount_text(money: str) -> str:
    """Write exact money for people: thousands apart."""
    return f"{Decimal(money):,}"


@overload
def figure(value: float) -> float: ...
@overload
def figure(value: None) -> None: ...
def figure(value: float | None) -> float | None:
    """Return a figure as a JSON number rounded to six decimals, or None."""
    return None if value is None else round(value, _FIGURE_DIGITS)


def money_text(amount: float | None, currency: str) -> str:
    """Write an amount for people: thousands apart, four decimals, its currency."""
    return NO_VALUE if amount is None else f"{amount:,.{MONEY_DIGITS}f} {currency}"


def percent_text(value: float | None) -> str:
    """Write a percentage for people."""
    return NO_VALUE if value is None else f"{value:.2f} %"


def number_text(value: float | None) -> str:
    """Write a ratio for people."""
    return NO_VALUE if value is None else f"{value:.2f}"


def duration_text(seconds: float | None) -> str:
    """Write a duration for people, such as `1 d 2 h 5 min`."""
    if seconds is None:
        return NO_VALUE
    minutes = round(seconds / 60)
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or f"{round(seconds)} s"


def bytes_text(count: int) -> str:
    """Write a number of bytes for people, such as `2.7 MB`."""
    size, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while size >= _NEXT_UNIT and len(units) > 1:
        size /= _NEXT_UNIT
        del units[0]
    return f"{count} B" if units[0] == "B" else f"{size:.1f} {units[0]}"


def flat(values: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Yield nested values with their dotted names."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
