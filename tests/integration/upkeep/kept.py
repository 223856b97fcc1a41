"""Databases with a ledger, as upkeep finds them, and what must be as it was afterwards."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from services.cli import main
from tests.fixtures.paper import SAMPLE, cut_sample
from tests.repository import ROOT

Run = Callable[..., tuple[int, str, str]]
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


@pytest.fixture(name="run")
def run_(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the program, called in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def answer(run: Run, *arguments: str) -> Any:
    """Return the JSON document that a verb answers with."""
    code, output, errors = run(*arguments, "--json")
    assert code == 0, errors
    return json.loads(output)


def traded(run: Run, database: str, candles: int | None = None) -> str:
    """Trade the sample of a pair up to a candle, and return the trade hash."""
    file = SAMPLE / f"{PAIR}_M5_sample.csv" if candles is None else cut_sample(Path.cwd(), PAIR, candles)
    report = answer(run, "paper", "--csv", f"{PAIR}={file}", "--db", database)
    return str(report["trade_hash"])


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
