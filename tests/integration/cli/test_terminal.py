"""What a person sees at a terminal of 80 or 120 columns: no line is wider, no value is broken, and colours obey."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from typer.main import get_command

from services.cli import main
from services.cli.program import build_program
from services.cli.terminal.tables import Column, fitting, say_table, time_cell
from shared.store.engine import sqlite_url
from shared.store.sql_store import open_store
from tests.contract.store_users_contract import HASH
from tests.fixtures.commanded import fill_with_trades, plain_sql
from tests.fixtures.paper import SAMPLE, run_paper, sample_series
from tests.tools.pictures.terminals import Screen, terminals

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LONG = "x" * 200
PATIENCE_SECONDS = 30.0
HOSTILE = (
    "INSERT INTO commands (created_ts_utc, actor, type, payload_json, status) VALUES ('2026-01-05T12:00:00Z', "
    f"'{LONG}', 'PAUSE_PAIR', '{{\"pair\": \"{LONG}\"}}', 'PENDING'), ('2026-01-05T12:00:01Z', "
    "'a' || char(27) || '[31m' || char(10) || char(8238) || '東京', 'KILL_SWITCH_ON', '{}', 'PENDING')"
)
VERBS = (
    "trades",
    "trades show 1",
    "positions",
    "gates",
    "status",
    "commands list",
    "commands show 1",
    "audit tail",
    "audit verify",
    "users list",
    "tokens list",
    "why USD_JPY 2024-03-04T12:00:00Z",
    "doctor",
    "config show",
    "parity",
    "db size",
    "db check",
    "db prune --older-than 1w --dry-run",
)


@pytest.fixture(name="traded", scope="module")
def traded_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with trades, one of them open."""
    path = tmp_path_factory.mktemp("terminal") / "paper.db"
    fill_with_trades(path)
    return path


@pytest.fixture(name="hostile", scope="module")
def hostile_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with texts that are long, wide, or would steer a terminal."""
    path = tmp_path_factory.mktemp("hostile") / "paper.db"
    run_paper(path, sample_series("USD_JPY", candles=1_000))
    plain_sql(path, HOSTILE)
    with closing(open_store(sqlite_url(path))) as store, store.transaction() as transaction:
        for name in (LONG[:64], "bob"):
            transaction.add_user(name, "viewer", HASH)
    return path


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> Iterator[tuple[Screen, Screen]]:
    """Give the program a terminal of so many columns on both of its streams."""
    for name, value in (("COLUMNS", str(columns)), ("TERM", "xterm-256color")):
        monkeypatch.setenv(name, value)
    with redirect_stdout(Screen()) as screen, redirect_stderr(Screen()) as beside:
        yield screen, beside


def lines_of(text: str) -> list[str]:
    return ESCAPES.sub("", text).replace("\r", "\n").split("\n")


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("database", ["traded", "hostile"])
@pytest.mark.parametrize("verb", VERBS)
def test_no_line_is_wider_than_the_terminal(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, verb: str, database: str, columns: int
) -> None:
    path: Path = request.getfixturevalue(database)
    at = () if verb.startswith("config") else ("--db", str(path))
    with terminal(monkeypatch, columns) as (screen, beside):
        assert main([*verb.split(), *at]) in (0, 3)
    shown = lines_of(screen.getvalue())
    assert any(line.strip() for line in shown)
    assert [line for line in shown + lines_of(beside.getvalue()) if cell_len(line) > columns] == []
    assert "\x1b]" not in screen.getvalue()


def helps(words: list[str], verb: object) -> Iterator[list[str]]:
    yield [*words, "--help"]
    for name, each in getattr(verb, "commands", {}).items():
        yield from helps([*words, name], each)


@pytest.mark.parametrize("columns", [80, 120])
def test_help_of_every_verb_fits(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    with terminal(monkeypatch, columns) as (screen, _):
        for words in helps([], get_command(build_program())):
            assert main(words) == 0
    assert [line for line in lines_of(screen.getvalue()) if cell_len(line) > columns] == []
    assert "--json <bool>" not in " ".join(screen.getvalue().split())


def options_of(verb: Any) -> Iterator[tuple[list[str], set[str]]]:
    """Yield the words of each verb, and the names of its options."""
    for words in helps([], verb):
        command = verb
        for name in words[:-1]:
            command = command.commands[name]
        yield words, {name for option in command.params for name in option.opts if name.startswith("--")}


def test_no_word_of_help_is_cut_in_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = []
    for words, names in options_of(get_command(build_program())):
        with terminal(monkeypatch, 80) as (screen, _):
            main(words)
        text = " ".join(lines_of(screen.getvalue()))
        said = set(re.findall(r"--[a-z-]+", text))
        cut += [(words[:-1], part) for part in re.findall(r"\S*\u2026", text)]
        cut += [(words[:-1], name) for name in sorted(names - said)]
    assert cut == []


def test_a_table_leaves_columns_out_in_the_order_that_it_states_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = [Column("name"), Column("first", leave=2), Column("second", leave=1), Column("text", cut=True)]
    row = ["a" * 20, "b" * 20, "c" * 20, "d" * 40]
    seen = {}
    for width in (110, 80, 60, 36):
        with terminal(monkeypatch, width) as (screen, beside):
            say_table("Table", columns, [row], "`show` has them.")
        seen[width] = {letter for letter in "abcd" if letter * 3 in screen.getvalue()}
    assert seen == {110: set("abcd"), 80: set("abcd"), 60: set("acd"), 36: set("ad")}
    assert " ".join(beside.getvalue().split()) == "Left out at 36 columns: first, second. `show` has them."


def test_a_loss_is_red_and_a_halt_yellow_unless_no_colours_are_wanted(
    monkeypatch: pytest.MonkeyPatch, traded: Path
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    with terminal(monkeypatch, 80) as (coloured, _):
        assert main(["trades", "--db", str(traded)]) == 0
    assert re.search(r"\x1b\[31m\s*-\d", coloured.getvalue())
    monkeypatch.setenv("NO_COLOR", "1")
    with terminal(monkeypatch, 80) as (plain, _):
        assert main(["trades", "--db", str(traded)]) == 0
    assert not re.search(r"\x1b\[(31|33)m", plain.getvalue())


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("2026-01-05T09:00:00Z", "01-05 09:00"),
        ("2026-01-05T09:00:07Z", "01-05 09:00:07"),
        ("2026-01-05", "2026-01-05"),
        (None, "-"),
    ],
)
def test_times_are_short_on_a_terminal(text: str | None, short: str) -> None:
    assert time_cell(text).short == short


def test_what_fits_is_never_wider_than_the_room() -> None:
    columns = [Column("a"), Column("b", cut=True), Column("c", flow=True), Column("d", leave=1)]
    for room in range(8, 200):
        kept = fitting(columns, [30, 60, 90, 20], room)
        assert sum(width for _, width in kept) + 2 * (len(kept) - 1) <= room, room


def on_a_real_terminal(columns: int, *arguments: str) -> "tuple[subprocess.Popen[bytes], int]":
    """Start a verb on a pseudo terminal, and return what reads it."""
    leader, follower = pty.openpty()
    ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    environ = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.tools.scalpbot", *arguments],
        stdout=follower,
        stderr=follower,
        stdin=follower,
        env={**environ, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(follower)
    return process, leader


def read_until(leader: int, words: str) -> None:
    """Read what is drawn until it has some words."""
    said, end = "", time.monotonic() + PATIENCE_SECONDS
    while words not in said:
        assert time.monotonic() < end, said[-2_000:]
        ready, _, _ = select.select([leader], [], [], 1)
        if ready:
            said = (said + os.read(leader, 65_536).decode(errors="replace"))[-20_000:]


def test_a_watched_table_is_redrawn_in_place_at_the_terminals_new_width(traded: Path) -> None:
    process, leader = on_a_real_terminal(80, "watch", "trades", "--every", "0.2", "--db", str(traded))
    try:
        read_until(leader, "Left out at 80 columns")
        ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
        read_until(leader, "out at")
        process.send_signal(signal.SIGINT)
        # Back from the screen of its own to what stood there before.
        read_until(leader, "\x1b[?1049l")
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        os.close(leader)


def test_where_there_is_no_terminal_nothing_is_watched(traded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "trades", "--db", str(traded)]) == 2
    assert "there is no terminal to draw on: use `scalpbot trades --json`" in capsys.readouterr().err


def test_a_real_terminal_of_80_columns_is_asked_for_its_width(traded: Path) -> None:
    process, leader = on_a_real_terminal(80, "trades", "--db", str(traded))
    said = b""
    try:
        while piece := os.read(leader, 65_536):
            said += piece
    except OSError:
        pass  # the terminal of a process that has ended
    finally:
        os.close(leader)
    assert process.wait(30) == 0
    shown = lines_of(said.decode())
    assert "Left out at 80 columns: units, in at, out at." in " ".join(" ".join(shown).split())
    assert [line for line in shown if cell_len(line) > 80] == []


def test_a_file_of_candles_is_backtested_within_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    files = ("--csv", str(SAMPLE / "USD_JPY_M5_sample.csv"))
    with terminal(monkeypatch, 80) as (screen, _):
        assert main(["backtest", *files, "--validation-percent", "30", "--walk-forward", "2"]) in (0, 3)
        assert main(["data", "check", *files]) == 0
    assert [line for line in lines_of(screen.getvalue()) if cell_len(line) > 80] == []


def test_pictures_of_the_terminal_are_as_the_program_shows_it() -> None:
    for path, text in terminals().items():
        assert path.read_text(encoding="utf-8") == text, "run `make pictures`"
