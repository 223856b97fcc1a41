"""What a person sees while waiting: on stderr, and bars only on a terminal."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services.cli.output import note

_LONG_ENOUGH_TO_TELL_SECONDS: Final = 1.5


@contextmanager
def busy(doing: str) -> Iterator[None]:
    """Show on a terminal that something is being done that takes its time."""
    if not sys.stderr.isatty():
        yield
        return
    with Console(stderr=True).status(doing):
        yield


@contextmanager
def steps(doing: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a bar on a terminal; what is yielded is called after each of the steps."""
    if not sys.stderr.isatty() or not total:
        yield lambda: None
        return
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(doing, total=total)
        yield lambda: progress.advance(task)


@contextmanager
def told_if_long(text: str) -> Iterator[None]:
    """Write a line to stderr if what is done takes longer than people wait without wondering."""
    timer = threading.Timer(_LONG_ENOUGH_TO_TELL_SECONDS, note, (text,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def bar(doing: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal; what is yielded is told how much of `total` is done."""
    if not sys.stderr.isatty() or not total:
        yield lambda _done: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(doing, total=total)
        yield lambda done: progress.update(task, completed=done)
