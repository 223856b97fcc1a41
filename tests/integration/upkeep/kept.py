"""Databases with a ledger, as upkeep finds them, and what must be as it was afterwards."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.fixtures.deployed import wait_until
from tests.fixtures.paper import SAMPLE, cut_sample
from tests.repository import ROOT
from tests.verbs import Run, answer

PAIR: Final = "EUR_USD"
# A process that kills itself when it has done a share of what it does first, second and so on, page by page.
_KILLED: Final = """
import os, signal, sys
from contextlib import contextmanager
from services.cli.terminal import progress
from shared.store.upkeep import sqlite_files

sqlite_files._PAGES_AT_ONCE = 50
doing = [0]

@contextmanager
def share(_doing):
    before = [1]
    def tell(done, total):
        if before[0] == 1 or done < before[0]:
            doing[0] += 1
        before[0] = done
        if doing[0] == {phase} and done >= {share} * total:
            os.kill(os.getpid(), signal.SIGKILL)
    yield tell

progress.share = share
from services.cli import main
sys.exit(main())
"""


def traded(run: Run, database: str, candles: int | None = None) -> str:
    """Trade the sample of a pair up to a candle, and return the trade hash."""
    file = SAMPLE / f"{PAIR}_M5_sample.csv" if candles is None else cut_sample(Path.cwd(), PAIR, candles)
    report = answer(run, "paper", "--csv", f"{PAIR}={file}", "--db", database)
    return str(report["trade_hash"])


def backed_up_while_trading(
    run: Run, folder: Path, database: str, candles: int, begun: Callable[[], bool]
) -> list[int]:
    """Trade the sample of a pair in a process, back it up three times meanwhile, and return the candles of each."""
    file = f"{PAIR}={cut_sample(folder, PAIR, candles)}"
    options = ("--feed", "replay", "--csv", file, "--once", "--no-api", "--speed", "400000", "--db", database)
    command = [sys.executable, "-m", "tests.tools.scalpbot", "up", *options]
    quiet = subprocess.DEVNULL
    backups: list[int] = []
    with subprocess.Popen(command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, stdout=quiet, stderr=quiet) as up:
        try:
            wait_until(begun, 60, "the run has begun")
            while up.poll() is None and len(backups) < 3:
                told = answer(run, "db", "backup", f"{len(backups)}.db", "--db", database)
                backups.append(told["contents"]["candles"])
                time.sleep(0.5)
            assert up.wait(300) == 0
        finally:
            up.kill()
    return backups


def require_proven(run: Run, database: str) -> Any:
    """Fail unless the log and the ledger of a database hold, and return what parity said."""
    code, output, errors = run("audit", "verify", "--db", database)
    assert code == 0, output + errors
    return answer(run, "parity", "--db", database)


def killed_at(phase: int, share: float, folder: Path, *arguments: str) -> None:
    """Call the program in a folder, and kill it when it has done a share of its first, second or third work."""
    code = _KILLED.replace("{share}", str(share)).replace("{phase}", str(phase))
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    assert ended.returncode < 0, ended.stdout + ended.stderr
