"""What happens where stdout has no reader any more or was never there, and what may not reach a terminal."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from services.cli.program import main
from services.cli.terminal.output import note, say
from services.cli.terminal.streams import printable
from shared.store.engine import sqlite_url
from shared.store.sql_store import open_store
from tests.fixtures.paper import run_paper, sample_series
from tests.repository import ROOT
from tests.servers.choice import SWITCH

UP = "up --speed max --candles 2500 --no-api --db d.db"


def shell(folder: Path, command: str) -> "subprocess.CompletedProcess[bytes]":
    environ = {name: value for name, value in os.environ.items() if name != SWITCH} | {"PYTHONPATH": str(ROOT)}
    scalpbot = f"{sys.executable} -m tests.tools.scalpbot"
    return subprocess.run(
        ["bash", "-c", command.replace("scalpbot", scalpbot)],
        cwd=folder,
        env=environ,
        capture_output=True,
        timeout=120,
        check=False,
    )


def candles_in(database: Path) -> int:
    with closing(open_store(sqlite_url(database))) as store, store.reading() as reader:
        return reader.candle_count()


@pytest.mark.parametrize("reader", ["2>said | head -1", "2>&1 | head -1"])
def test_trading_goes_on_when_whoever_read_the_output_has_gone(tmp_path: Path, reader: str) -> None:
    done = shell(tmp_path, f"scalpbot {UP} {reader} >first; exit ${{PIPESTATUS[0]}}")
    assert done.returncode == 0
    assert candles_in(tmp_path / "d.db") >= 2500
    if "said" in reader:
        assert "the reader of the output has gone; the run continues" in (tmp_path / "said").read_text()


def test_verb_whose_reader_has_gone_gives_no_verdict(tmp_path: Path) -> None:
    run_paper(tmp_path / "d.db", sample_series("EUR_USD", candles=400))
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "tests.tools.scalpbot", "gates", "--limit", "400", "--db", str(tmp_path / "d.db")]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False, cwd=ROOT)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_closed_streams_are_no_fault(tmp_path: Path) -> None:
    done = shell(tmp_path, f"scalpbot {UP.replace('2500', '200')} >&- <&-")
    assert done.returncode == 0
    assert b"stopped after 20" in done.stderr
    assert shell(tmp_path, "scalpbot status --db d.db 2>&-").returncode == 0
    assert shell(tmp_path, "scalpbot status --db none.db >&- 2>&-").returncode == 2


def test_path_that_is_not_utf8_is_refused_in_a_sentence(tmp_path: Path) -> None:
    done = shell(tmp_path, "scalpbot status --db $'\\xff\\xfe.db'")
    assert done.returncode == 2
    assert b"'\\udcff\\udcfe.db' is not UTF-8" in done.stderr


def test_control_characters_are_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--db", "/nowhere/\x1b]0;mine\x07.db"]) == 2
    assert r"/nowhere/\x1b]0;mine\x07.db" in capsys.readouterr().err


def test_no_line_of_a_result_or_a_note_has_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    say("\x1b]0;mine\x07")
    note("\x9b2K")
    assert capsys.readouterr() == ("\\x1b]0;mine\\x07\n", "\\x9b2K\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain", "plain"), ("a\tb\nc", "a\tb\nc"), ("\x1b[2J", r"\x1b[2J"), ("\x9b31m\r", r"\x9b31m\r"), ("€", "€")],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
