"""Faults of the embedded shape: one process on an SQLite file."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from shared.runtime.streams import ALL_ASSESSED
from shared.store.engine import sqlite_url
from shared.store.sql_store import open_store
from tests.faults.equipment.small_disk import SmallDisk
from tests.faults.outcome import Outcome
from tests.faults.stage import LONG_CANDLES, PATIENCE_SECONDS, Script, Stage
from tests.fixtures.deployed import wait_until
from tests.fixtures.new_store import new_sqlite

FULL: Final = "disk is full"
_FAULT: Final = 1
_RESUMED_SECONDS: Final = 20.0
# Enough for the schema and some of the candles.
_LEFT_BYTES: Final = 600_000


class Embedded:
    """A verb that trades the script into an SQLite file, as a process."""

    def __init__(self, script: Script, database: Path, log: Path, verb: str, *options: str) -> None:
        """Start it; what it says goes to a log."""
        command = [sys.executable, "-m", "tests.tools.scalpbot", verb, "--config", str(script.config)]
        command += [*script.csv, "--db", str(database), *options]
        self._log = log
        self._database = database
        with log.open("ab") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def says(self) -> str:
        """Return what it and those before it have said."""
        return self._log.read_text(encoding="utf-8")

    def traded(self) -> int:
        """Return how many candles are in the ledger."""
        with closing(open_store(sqlite_url(self._database))) as store, store.reading() as reader:
            return reader.cursor("executor", ALL_ASSESSED)

    def wait(self, holds: Callable[[], bool], what: str) -> float:
        """Wait until something holds and return how many seconds that took; the end of the process fails it."""
        return wait_until(holds, PATIENCE_SECONDS, what, self._require_running)

    def _require_running(self) -> None:
        assert self.process.poll() is None, self.says()[-2_000:]


@contextmanager
def embedded(script: Script, database: Path, log: Path, verb: str, *options: str) -> Iterator[Embedded]:
    """Have a verb trade the script for as long as the block lasts."""
    started = Embedded(script, database, log, verb, *options)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.wait()


def disk_full(stage: Stage, disk: SmallDisk, seconds: float) -> Sequence[Outcome]:
    """Fill the disk on which the SQLite file lies: `up` waits and goes on, `paper` ends and is called again."""
    return _waited_for(stage, disk, seconds), _called_again(stage, disk)


def _waited_for(stage: Stage, disk: SmallDisk, seconds: float) -> Outcome:
    script = stage.script(LONG_CANDLES)
    database, log = disk.folder / "up.db", stage.folder / "up_on_full_disk.log"
    new_sqlite(database)
    pace = script.pace_for(seconds + 6.0)
    with embedded(script, database, log, "up", "--feed", "replay", "--no-api", "--once", "--speed", pace) as up:
        up.wait(lambda: up.traded() > script.candles // 10, "some candles are traded")
        disk.fill()
        full = time.monotonic()
        try:
            up.wait(lambda: FULL in up.says(), "it tells that the disk is full")
            told = time.monotonic() - full
            time.sleep(max(0.0, full + seconds - time.monotonic()))
            reached = up.traded()
        finally:
            disk.free()
        freed = time.monotonic()
        up.wait(lambda: up.traded() > reached, "trading goes on")
        resumed = time.monotonic() - freed
        assert up.process.wait(PATIENCE_SECONDS) == 0, up.says()[-2_000:]
    fault = f"SQLite on a full disk for {seconds:g} s, under `up`"
    draft = Outcome("23", fault, 1, 0, 0, (), (resumed,), _RESUMED_SECONDS, {"told after, seconds": told})
    with closing(open_store(sqlite_url(database))) as store:
        return stage.judged(draft, script, store)


def _called_again(stage: Stage, disk: SmallDisk) -> Outcome:
    script = stage.script(LONG_CANDLES)
    database, log = disk.folder / "paper.db", stage.folder / "paper_on_full_disk.log"
    disk.fill(leaving=_LEFT_BYTES)
    try:
        with embedded(script, database, log, "paper") as first:
            assert first.process.wait(PATIENCE_SECONDS) == _FAULT, first.says()
            assert FULL in first.says(), first.says()
            assert "Traceback" not in first.says(), first.says()
    finally:
        disk.free()
    freed = time.monotonic()
    with embedded(script, database, log, "paper") as second:
        assert second.process.wait(PATIENCE_SECONDS) == 0, second.says()
    draft = Outcome("23", "SQLite on a full disk, `paper` called again", 1, 0, 0, (), (time.monotonic() - freed,))
    with closing(open_store(sqlite_url(database))) as store:
        return stage.judged(draft, script, store)
