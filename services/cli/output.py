"""How results look: tables on a terminal or as plain text, JSON documents, money, percentages and times."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli.streams import printable
from shared.contracts.decimals import MONEY_DIGITS

NO_VALUE: Final = "-"
_FIGURE_DIGITS: Final = 6
# The exit code where what was asked about did not hold.
DID_NOT_HOLD: Final = 3


class Column(NamedTuple):
    """A table's column: its heading, and whether its texts stand at the right, as numbers do."""

    heading: str
    right: bool = False


def say(text: str = "") -> None:
    """Write a line of the result to stdout."""
    sys.stdout.write(f"{printable(text)}\n")


def note(text: str) -> None:
    """Write a line that is not part of the result to stderr."""
    sys.stderr.write(f"{printable(text)}\n")
    sys.stderr.flush()


def say_json(document: object) -> None:
    """Write one JSON document to stdout."""
    say(json.dumps(document, indent=2, allow_nan=False))


def say_table(title: str, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Write a table to stdout: boxed on a terminal, aligned plain text when piped."""
    texts = [[printable(str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _say_rich_table(title, columns, texts)
    else:
        _say_plain_table(title, columns, texts)


def say_figures(title: str, figures: Iterable[tuple[str, str]]) -> None:
    """Write named figures to stdout, one to a line."""
    lines = list(figures)
    width = max((len(name) for name, _ in lines), default=0)
    say(title)
    for name, value in lines:
        say(f"  {name:<{width}}  {value}".rstrip())
    say()


def _say_plain_table(title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    say(title)
    lines = [[column.heading for column in columns], *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        cells = (
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        )
        say(f"  {'  '.join(cells)}".rstrip())
    say()


def _say_rich_table(title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column.heading, justify="right" if column.right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def money_number(quanta: int) -> float:
    """Return money in quanta as the JSON number with four decimals."""
    return round(quanta / 10**MONEY_DIGITS, MONEY_DIGITS)


def money_figure(amount: float | None) -> float | None:
    """Return an amount as a JSON number rounded to four decimals, or None."""
    return None if amount is None else round(amount, MONEY_DIGITS)


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


def flat(values: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Yield nested values with their dotted names."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
