"""Pictures of what verbs show at a terminal of 80 columns, on the sample of the repository, for README.md."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from html import escape
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from services.cli import main
from tests.fixtures.paper import PAIRS, SAMPLE
from tests.repository import ROOT

FOLDER: Final = ROOT / "docs" / "pictures"
COLUMNS: Final = 80
_CELL_WIDTH: Final = 8.4
_LINE_HEIGHT: Final = 18
_MARGIN: Final = 14
_BACKGROUND: Final = "#1b1e23"
_FOREGROUND: Final = "#d7dae0"
_ROOT: Final = (
    'xmlns="http://www.w3.org/2000/svg" role="img" font-size="14" '
    'font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"'
)
# By the numbers that terminals know them under: red, green, yellow, blue, cyan.
_COLOURS: Final = {1: "#ff6b68", 2: "#7fd189", 3: "#f0c766", 4: "#7aa6ff", 6: "#6cc7d9"}


class Shot(NamedTuple):
    """A picture's name, the verb that it shows, and how many of its first lines."""

    name: str
    verb: str
    lines: int = 60


SHOTS: Final = (
    Shot("terminal-why", "why USD_JPY 2024-04-03T08:25:00Z"),
    Shot("terminal-trades", "trades --limit 12"),
    Shot("terminal-gates", "gates --limit 12 --to 2024-04-03T09:00"),
)


class Screen(StringIO):
    """A terminal, as far as a program asks whether it is one."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


@contextmanager
def screen_of(columns: int) -> Iterator[StringIO]:
    """Give the program a terminal of so many columns, and yield what it shows there."""
    before = dict(os.environ)
    os.environ.update({"COLUMNS": str(columns), "TERM": "xterm-256color"})
    os.environ.pop("NO_COLOR", None)
    try:
        with redirect_stdout(Screen()) as screen, redirect_stderr(screen):
            yield screen
    finally:
        os.environ.clear()
        os.environ.update(before)


def shown(arguments: Sequence[str], columns: int) -> str:
    """Return what a verb shows, with its colours."""
    with screen_of(columns) as screen:
        main(arguments)
    return screen.getvalue()


@contextmanager
def traded_sample() -> Iterator[Path]:
    """Trade the sample on paper in a folder of its own, and yield the database."""
    with TemporaryDirectory() as folder:
        database = Path(folder) / "paper.db"
        files = [part for pair in PAIRS for part in ("--csv", str(SAMPLE / f"{pair}_M5_sample.csv"))]
        news = ("--news", str(SAMPLE / "calendar_sample.json"))
        shown(["paper", *files, *news, "--db", str(database)], COLUMNS)
        yield database


def terminals() -> dict[Path, str]:
    """Return every picture by its path."""
    with traded_sample() as database:
        return {
            FOLDER / f"{shot.name}.svg": picture(
                f"scalpbot {shot.verb}", shown([*shot.verb.split(), "--db", str(database)], COLUMNS), shot.lines
            )
            for shot in SHOTS
        }


def picture(title: str, text: str, most_lines: int) -> str:
    """Draw text with its colours as SVG, below the command that showed it."""
    console = Console(width=COLUMNS, file=StringIO(), force_terminal=True)
    lines = [Text(f"$ {title}", style="bold"), *Text.from_ansi(text.rstrip("\n")).split("\n")][:most_lines]
    width = round(COLUMNS * _CELL_WIDTH + 2 * _MARGIN)
    height = len(lines) * _LINE_HEIGHT + 2 * _MARGIN
    drawn = [
        f'<svg {_ROOT} viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" rx="8" fill="{_BACKGROUND}"/>',
    ]
    for number, line in enumerate(lines, start=1):
        drawn += _line(console, line, _MARGIN + number * _LINE_HEIGHT - 5)
    return "\n".join([*drawn, "</svg>\n"])


def _line(console: Console, line: Text, y: int) -> Iterator[str]:
    column = 0
    for piece in Segment.simplify(line.render(console)):
        if piece.text.strip():
            x = _MARGIN + column * _CELL_WIDTH
            room = cell_len(piece.text) * _CELL_WIDTH
            yield (
                f'<text x="{x:.1f}" y="{y}" textLength="{room:.1f}" xml:space="preserve"{_look(piece.style)}>'
                f"{escape(piece.text)}</text>"
            )
        column += cell_len(piece.text)


def _look(style: Style | None) -> str:
    number = None if style is None or style.color is None else style.color.number
    look = f' fill="{_FOREGROUND if number is None else _COLOURS.get(number, _FOREGROUND)}"'
    if style is not None and style.bold:
        look += ' font-weight="bold"'
    if style is not None and style.dim:
        look += ' opacity="0.65"'
    return look
