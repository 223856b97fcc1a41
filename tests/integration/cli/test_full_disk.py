"""Verbs on a full disk: each says so in one sentence and ends with the exit code of a fault, not of bad input."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.backtest.text_file import write_text_file
from services.cli.program import main
from shared.contracts.errors import InfrastructureError
from tests.faults.equipment.small_disk import SmallDisk
from tests.fixtures.new_store import new_sqlite
from tests.fixtures.paper import SAMPLE
from tests.repository import ROOT
from tests.servers.errors import UnavailableError

FULL = "its disk is full"
RUNNING = "import sys; from services.cli.program import main; sys.exit(main())"
HOLDING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM candles").fetchone()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(name="disk")
def disk_() -> Iterator[SmallDisk]:
    try:
        disk = SmallDisk(2)
    except UnavailableError as fault:
        pytest.skip(f"left out: {fault}")
    with disk:
        yield disk


def said(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    capsys.readouterr()
    assert main(arguments) == code
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    return error


def test_verbs_that_begin_on_a_full_disk_say_so(disk: SmallDisk, capsys: pytest.CaptureFixture[str]) -> None:
    database = disk.folder / "known.db"
    new_sqlite(database)
    disk.fill()
    new = str(disk.folder / "new.db")
    candles = f"EUR_USD={SAMPLE / 'EUR_USD_M5_sample.csv'}"
    for arguments in (
        ("db", "upgrade", "--db", new),
        ("paper", "--csv", candles, "--db", new),
        ("paper", "--csv", candles, "--db", str(disk.folder / "folder" / "new.db")),
        ("up", "--feed", "replay", "--csv", candles, "--once", "--no-api", "--db", new),
        ("status", "--db", str(database)),
        ("commands", "send", "PAUSE_ALL", "--anyway", "--db", str(database)),
        ("audit", "keys", str(disk.folder / "key")),
        ("bus", "definitions", "--out", str(disk.folder / "definitions.json")),
    ):
        assert FULL in said(capsys, 1, *arguments), arguments


@pytest.mark.parametrize("in_use", [True, False])
def test_doctor_says_that_the_disk_is_full(
    disk: SmallDisk, in_use: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    database = disk.folder / "known.db"
    new_sqlite(database)
    if in_use:
        # The files that SQLite keeps beside a database in use are there already, and opening it takes no space.
        keeps = subprocess.Popen(
            [sys.executable, "-c", HOLDING, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert keeps.stdout is not None
        assert keeps.stdout.readline() == "held\n"
    disk.fill()
    code = main(["doctor", "--db", str(database)])
    if in_use:
        keeps.communicate("")
    store = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("  store "))
    assert code == 3
    assert "problem" in store
    assert FULL in store


def test_doctor_warns_of_a_disk_that_is_nearly_full(
    disk: SmallDisk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    new_sqlite(disk.folder / "known.db")
    assert main(["doctor", "--db", str(disk.folder / "known.db")]) == 0
    store = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("  store "))
    assert "warning" in store
    assert "has 1 MiB left" in store


def test_file_that_does_not_fit_leaves_the_older_one_and_says_so(disk: SmallDisk) -> None:
    trades = disk.folder / "trades.csv"
    write_text_file(trades, ["older\n"])
    disk.fill()
    with pytest.raises(InfrastructureError, match=FULL):
        write_text_file(trades, ["x" * 100_000])
    assert trades.read_text(encoding="utf-8") == "older\n"


def test_result_that_does_not_fit_onto_the_disk_is_told_once(disk: SmallDisk) -> None:
    disk.fill()
    with (disk.folder / "out").open("w", encoding="utf-8") as out:
        ended = subprocess.run(
            [sys.executable, "-c", RUNNING, "config", "show"],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=ROOT,
            timeout=60,
        )
    assert ended.returncode == 1
    assert ended.stderr == f"error: the output cannot be written: {FULL}; free some space there, then continue\n"
