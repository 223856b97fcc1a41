"""The standard streams: there from the start, clean of control characters, and not what trading ends by."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO, cast

_MODES: Final = {"stdin": "r", "stdout": "w", "stderr": "w"}
_KEPT: Final = "\n\t"


def printable(text: str) -> str:
    """Return a text whose control characters are written out, so that none of them reaches a terminal."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in _KEPT else _written_out(each) for each in text)


def open_missing_streams() -> None:
    """Open what the process was started without, on nothing: else a file that is opened later would take its place."""
    for number, (name, mode) in enumerate(_MODES.items()):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


def write_no_more(stream: TextIO) -> None:
    """Send what is still to be written to a stream nowhere."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)


class LastingStream:
    """A text stream that goes on, to nowhere, when its reader has gone, and is the stream below it in all else."""

    def __init__(self, below: TextIO, farewell: str | None) -> None:
        """Write to the stream below; the farewell is a line for stderr, once its reader has gone."""
        self._below = below
        self._farewell = farewell

    def __getattr__(self, name: str) -> object:
        return getattr(self._below, name)

    def write(self, text: str) -> int:
        """Write a text, or drop it."""
        try:
            self._below.write(text)
        except BrokenPipeError:
            self._leave()
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts, or drop them."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write what is waiting, or drop it."""
        try:
            self._below.flush()
        except BrokenPipeError:
            self._leave()

    def _leave(self) -> None:
        write_no_more(self._below)
        if self._farewell is not None:
            sys.stderr.write(self._farewell)
            sys.stderr.flush()


@contextmanager
def lasting_streams() -> Iterator[None]:
    """Go on when whoever reads stdout or stderr has gone, for as long as the block lasts: trading is no output."""
    before = sys.stdout, sys.stderr
    farewell = "the reader of the output has gone; the run continues without output until it is stopped\n"
    sys.stdout = cast("TextIO", LastingStream(before[0], farewell))
    sys.stderr = cast("TextIO", LastingStream(before[1], None))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _written_out(character: str) -> str:
    return character.encode("unicode_escape").decode()
