"""What a person sees while waiting: on stderr, and bars only on a terminal."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from services.cli.terminal.output import note
from shared.core.jit import machine_code_is_kept, told_of_compiling

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
def preparing(what: str) -> Iterator[None]:
    """Write a line to stderr once machine code is compiled, or where its loading takes longer than people expect."""
    timer = threading.Timer(_LONG_ENOUGH_TO_TELL_SECONDS, note, (f"preparing the {what}",))
    timer.daemon = True
    timer.start()

    def compiling() -> None:
        timer.cancel()
        kept = "once on this machine" if machine_code_is_kept() else "at every start, as its cache cannot be written"
        note(f"preparing the {what}: compiled {kept}, which takes some seconds")

    try:
        with told_of_compiling(compiling):
            yield
    finally:
        timer.cancel()


@contextmanager
def growing(doing: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal once what is yielded is told how much is done, and of how much."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(doing, total=None, visible=False)
        yield lambda done, total: progress.update(task, completed=done, total=total, visible=True)


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


class _Shares:
    """A bar that is there while something is being done, and gone whenever all of it is."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._bar: Progress | None = None

    def tell(self, done: int, total: int) -> None:
        if self._bar is None and done < total:
            columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task(self._doing)
            self._bar.start()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total)
        if done >= total:
            self.end()

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._bar = None


@contextmanager
def share(doing: str) -> Iterator[Callable[[int, int], None]]:
    """Show bars on a terminal, one after the other; what is yielded is told how much is done, and of how much."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    shares = _Shares(doing)
    try:
        yield shares.tell
    finally:
        shares.end()
