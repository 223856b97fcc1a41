"""Tables: on a terminal cut to its width, with short times and colours; else whole, as aligned plain text."""

import sys
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli.terminal.output import NO_VALUE, note, say
from services.cli.terminal.streams import printable

LOSS: Final = "red"
BAD: Final = "bold red"
LATE: Final = "yellow"
GOOD: Final = "green"
_GAP: Final = 2
_FEWEST_OF_A_TEXT: Final = 12
_FEWEST_OF_A_SENTENCE: Final = 30


class Column(NamedTuple):
    """A table's column: its heading, and whether its texts stand at the right, as numbers do.

    Where a terminal is too narrow, columns give way: texts that may be `cut` are shortened, sentences that `flow` go on
    in the next line, and then columns are left out, those with the highest `leave` first.
    """

    heading: str
    right: bool = False
    leave: int = 0
    cut: bool = False
    flow: bool = False


class Cell(NamedTuple):
    """A text of a table, how it is written on a terminal, and in which colour there."""

    text: str
    short: str
    style: str = ""


AnyCell: TypeAlias = str | Cell


def time_cell(text: str | None) -> Cell:
    """Return the cell of a time written `2026-01-05T09:00:00Z`: on a terminal `01-05 09:00`, with seconds if any."""
    if text is None:
        return Cell(NO_VALUE, NO_VALUE)
    day, _, clock = text.rstrip("Z").partition("T")
    if not clock:
        return Cell(text, text)
    return Cell(text, f"{day[5:]} {clock.removesuffix(':00') if clock.count(':') > 1 else clock}")


def money_cell(text: str) -> Cell:
    """Return the cell of an amount, in red where it is a loss."""
    return Cell(text, text, LOSS if text.startswith("-") and len(text) > 1 else "")


def word_cell(text: str, styles: dict[str, str]) -> Cell:
    """Return the cell of a word that has a colour of its own."""
    return Cell(text, text, styles.get(text, ""))


def say_table(title: str, columns: Sequence[Column], rows: Iterable[Sequence[AnyCell]], whole: str = "") -> None:
    """Write a table to stdout; `whole` tells where what a narrow terminal has no room for is to be seen."""
    cells = [[_cell(each) for each in row] for row in rows]
    if sys.stdout.isatty():
        _say_on_terminal(title, columns, cells, whole)
    else:
        _say_plain(title, columns, cells)


def _cell(given: AnyCell) -> Cell:
    if isinstance(given, Cell):
        return Cell(printable(given.text), printable(given.short), given.style)
    text = printable(str(given))
    return Cell(text, text)


def _say_plain(title: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    say(title)
    lines = [[column.heading for column in columns], *([cell.text for cell in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        texts = (
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(line, widths, columns, strict=True)
        )
        say(f"  {'  '.join(texts)}".rstrip())
    say()


def _say_on_terminal(title: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], whole: str) -> None:
    if not rows:
        say(f"{title}: none.")
        return
    console = Console()
    widths = [
        max([cell_len(column.heading), *(cell_len(line) for row in rows for line in row[place].short.split("\n"))])
        for place, column in enumerate(columns)
    ]
    kept = fitting(columns, widths, console.width)
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, _GAP, 0, 0))
    table.pad_edge = False
    for place, width in kept:
        column = columns[place]
        table.add_column(
            column.heading,
            justify="right" if column.right else "left",
            width=width,
            no_wrap=not column.flow,
            overflow="fold" if column.flow else "ellipsis",
            header_style="bold",
        )
    for row in rows:
        table.add_row(*(Text(row[place].short, style=row[place].style) for place, _ in kept))
    console.print(table)
    console.print()
    if left := [columns[place].heading for place in range(len(columns)) if place not in dict(kept)]:
        note(f"Left out at {console.width} columns: {', '.join(left)}. {whole or 'A wider terminal has them.'}")


def fitting(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[tuple[int, int]]:
    """Return which columns, by their place, are shown in a room of so many characters, and how wide each is."""
    kept = dict(enumerate(widths))

    def over() -> int:
        return sum(kept.values()) + _GAP * (len(kept) - 1) - room

    yielding = [place for place, column in enumerate(columns) if column.cut or column.flow]
    for place in reversed(yielding):
        fewest = min(kept[place], _FEWEST_OF_A_TEXT if columns[place].cut else _FEWEST_OF_A_SENTENCE)
        kept[place] = max(fewest, kept[place] - max(0, over()))
    leaving = [place for place, column in enumerate(columns) if column.leave]
    for place in sorted(leaving, key=lambda each: -columns[each].leave):
        if over() <= 0:
            break
        del kept[place]
    # What leaving a column out has given back goes to the texts that were cut.
    for place in (place for place in yielding if place in kept):
        kept[place] = min(widths[place], kept[place] + max(0, -over()))
    # Nothing may be wider than the terminal, whatever it holds.
    for place in sorted(kept, key=lambda each: -kept[each]):
        kept[place] = max(1, kept[place] - max(0, over()))
    return list(kept.items())
