"""Run the tests against one mutant after another, each in a fork of a process that has imported everything once.

The first round runs every test as it is and notes which of the product's functions it calls. A mutant is then met by
the tests that call its function only, the quickest first, until one fails. A test that fails in the first round, or is
left out, judges nothing.
"""

import gc
import os
import pickle
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Final, NamedTuple

import pytest

from tests.servers.postgres import PostgresServer
from tests.tools.mutants.mutations import Mutant

# How long a test may take that meets a mutant: so much, and so many times what it took as it is, watched.
_GRACE_SECONDS: Final = 15.0
_SLOWEST_FACTOR: Final = 2.0
_KILLED, _SURVIVED, _FAULT = 1, 0, 3


class Noted(NamedTuple):
    """What the first round found of one test: how long it took, and the code it called, as file and first line."""

    seconds: float
    called: frozenset[tuple[str, int]]


class Judged(NamedTuple):
    """Say what the tests made of one mutant: `killed`, `timeout`, `survived`, or `not called`."""

    mutant: Mutant
    verdict: str
    tests: int


class MutantRunner:
    """A pytest plugin that runs mutants in place of tests."""

    def __init__(self, mutants: Sequence[Mutant], root: Path, jobs: int, tell: Callable[[str], None]) -> None:
        """Take the mutants, the folder that their files are relative to, and how many forks run at once."""
        self.judged: list[Judged] = []
        self._mutants = mutants
        self._root = root
        self._jobs = jobs
        self._tell = tell
        self._passed = True

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the first round, then all mutants."""
        if session.testsfailed:
            raise pytest.UsageError("the tests cannot be collected; run them alone first")
        self._start_servers(session.items)
        notes = self._first_round(session.items)
        self._tell(f"{len(notes)} of {len(session.items)} tests judge {len(self._mutants)} mutants")
        callers: dict[tuple[str, int], list[int]] = defaultdict(list)
        for index, noted in sorted(notes.items(), key=lambda pair: pair[1].seconds):
            for place in noted.called:
                callers[place].append(index)
        self._run(session.items, notes, callers)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that a test failed or was left out."""
        if not report.passed:
            self._passed = False

    def _start_servers(self, items: Sequence[pytest.Item]) -> None:
        """Run one test that needs a database server here, so that all forks share the server of this process."""
        needing = [item for item in items if "postgres_url" in getattr(item, "fixturenames", ())]
        others = [item for item in items if item not in needing[:1]]
        if needing and not self._passes(needing[0], others[0] if others else None):
            self._tell("no PostgreSQL: mutants that only it could meet go unnoticed")

    def _first_round(self, items: Sequence[pytest.Item]) -> dict[int, Noted]:
        """Run all tests as they are, in as many forks as may run at once; return what was noted of those that pass."""
        files = {str(self._root / mutant.place.file) for mutant in self._mutants}
        # Tests of a module share fixtures, so that a share takes whole modules.
        modules = {module: number for number, module in enumerate(dict.fromkeys(item.path for item in items))}
        shares = [
            [index for index, item in enumerate(items) if modules[item.path] % self._jobs == share]
            for share in range(self._jobs)
        ]
        readers = [_in_fork(partial(self._note, items, share, files)) for share in shares]
        notes: dict[int, Noted] = {}
        for reader in readers:
            with os.fdopen(reader, "rb") as stream:
                notes.update(pickle.load(stream))  # noqa: S301  (written by this program)
        return notes

    def _note(self, items: Sequence[pytest.Item], share: Sequence[int], files: set[str]) -> dict[int, Noted]:
        notes: dict[int, Noted] = {}
        for position, index in enumerate(share):
            following = items[share[position + 1]] if position + 1 < len(share) else None
            calls = _Calls(files)
            started = time.perf_counter()
            with calls:
                passed = self._passes(items[index], following)
            if passed:
                notes[index] = Noted(time.perf_counter() - started, calls.called())
        return notes

    def _passes(self, item: pytest.Item, following: pytest.Item | None) -> bool:
        self._passed = True
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        return self._passed

    def _run(
        self, items: Sequence[pytest.Item], notes: dict[int, Noted], callers: dict[tuple[str, int], list[int]]
    ) -> None:
        running: dict[int, tuple[Mutant, int]] = {}
        for mutant in self._mutants:
            tests = callers.get((str(self._root / mutant.place.file), mutant.place.line), [])
            if not tests:
                self._judge(mutant, "not called", 0)
                continue
            while len(running) >= self._jobs:
                self._reap(running)
            limits = [_GRACE_SECONDS + _SLOWEST_FACTOR * notes[index].seconds for index in tests]
            process = os.fork()
            if process == 0:
                self._meet(mutant, [items[index] for index in tests], limits)
            running[process] = (mutant, len(tests))
        while running:
            self._reap(running)

    def _meet(self, mutant: Mutant, items: Sequence[pytest.Item], limits: Sequence[float]) -> None:
        """Let tests meet a mutant in this process, and end it: 0 where all pass, by a signal where one hangs."""
        ending = _FAULT
        try:
            os.setsid()
            _settle_in()
            if _put_in_place(mutant, self._root):
                ending = _SURVIVED
                for item, following, limit in zip(items, [*items[1:], None], limits, strict=True):
                    signal.setitimer(signal.ITIMER_REAL, limit)
                    if not self._passes(item, following):
                        ending = _KILLED
                        break
        except BaseException:
            ending = _KILLED
        finally:
            os._exit(ending)

    def _reap(self, running: dict[int, tuple[Mutant, int]]) -> None:
        """Wait until one fork has ended, and judge its mutant."""
        while True:
            for process, (mutant, tests) in list(running.items()):
                ended, status = os.waitpid(process, os.WNOHANG)
                if not ended:
                    continue
                _end_group(process)
                del running[process]
                ending = os.waitstatus_to_exitcode(status)
                if ending == _FAULT:
                    raise RuntimeError(f"no function in memory is that of {mutant.key}")
                verdicts = {_SURVIVED: "survived", -signal.SIGALRM: "timeout"}
                self._judge(mutant, verdicts.get(ending, "killed"), tests)
                return
            time.sleep(0.005)

    def _judge(self, mutant: Mutant, verdict: str, tests: int) -> None:
        self.judged.append(Judged(mutant, verdict, tests))
        if verdict in ("survived", "not called") or len(self.judged) % 50 == 0:
            self._tell(f"{len(self.judged)}/{len(self._mutants)} {verdict}: {mutant.key}")


class _Calls:
    """Note which code of some files is called, in all threads that start meanwhile."""

    def __init__(self, files: set[str]) -> None:
        self._files = files
        self._codes: set[CodeType] = set()

    def __enter__(self) -> "_Calls":
        threading.setprofile(self._saw)
        sys.setprofile(self._saw)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def _saw(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            self._codes.add(frame.f_code)

    def called(self) -> frozenset[tuple[str, int]]:
        return frozenset(
            (code.co_filename, code.co_firstlineno) for code in self._codes if code.co_filename in self._files
        )


def _put_in_place(mutant: Mutant, root: Path) -> bool:
    """Give the mutant's code to every function in memory that has the code it was made from; tell whether any had."""
    file, found = str(root / mutant.place.file), False
    wanted = (file, mutant.place.line, mutant.place.function)
    for function in _functions(gc.get_objects()):
        code = function.__code__
        if (code.co_filename, code.co_firstlineno, code.co_qualname) == wanted:
            function.__code__ = mutant.code
            found = True
    return found


def _functions(objects: Iterable[object]) -> Iterator[FunctionType]:
    return (thing for thing in objects if type(thing) is FunctionType)


def _settle_in() -> None:
    """Make a fork at home: quiet, and sure of a server that is not its own child, so that it cannot be asked after."""
    PostgresServer.make_usable = lambda _: None  # type: ignore[assignment,method-assign]
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


def _end_group(process: int) -> None:
    try:
        os.killpg(process, signal.SIGKILL)
    except ProcessLookupError:
        return


def _in_fork(work: Callable[[], object]) -> int:
    """Do some work in a fork; return what reads its pickled result."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(reader)
            _settle_in()
            with os.fdopen(writer, "wb") as stream:
                pickle.dump(work(), stream)
        finally:
            os._exit(0)
    os.close(writer)
    return reader
