"""The verbs `pause`, `resume`, `close` and `kill`, on a platform that trades."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest

from services.cli import main
from shared.store.engine import sqlite_url
from shared.store.rows.commands import CommandFilter
from shared.store.rows.listing import Span
from shared.store.sql_store import open_store
from tests.fixtures.up import running


@pytest.fixture(name="database", scope="module")
def database_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("steered")
    with running(folder, "--speed", "3600"):
        yield folder / "data" / "demo.db"


def held(database: Path) -> set[tuple[str, str]]:
    with closing(open_store(sqlite_url(database))) as store, store.reading() as reader:
        return {(hold.scope, hold.kind) for hold in reader.holds()}


def test_each_says_what_it_will_do_does_it_and_says_what_came_of_it(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = ("--db", str(database))
    assert main(["pause", "EUR_USD", "--reason", "rate decision at 12:15", *db]) == 0
    said = capsys.readouterr()
    assert said.err.startswith("No new entries in EUR_USD until it is resumed;")
    assert "PAUSE_PAIR done. Entries are held in EUR_USD (pause by " in said.out
    assert main(["pause", *db]) == 0
    assert held(database) == {("EUR_USD", "pause"), ("ALL", "pause")}
    assert main(["resume", "EUR_USD", *db]) == 0
    assert held(database) == {("ALL", "pause")}
    assert main(["kill", "-r", "fat finger", *db]) == 0
    assert held(database) == {("ALL", "pause"), ("ALL", "kill_switch")}
    assert main(["resume", "all", *db]) == 0
    assert held(database) == {("ALL", "kill_switch")}
    capsys.readouterr()
    assert main(["close", "all", *db]) == 0
    assert "SKIPPED: nothing_open" in capsys.readouterr().out
    assert main(["kill", "--release", "--json", *db]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["holds"] == []
    assert held(database) == set()


def test_the_reason_stands_in_the_audit_log(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = ("--db", str(database))
    assert main(["pause", "--reason", "lunch", *db]) == 0
    assert main(["resume", *db]) == 0
    capsys.readouterr()
    assert main(["audit", "tail", "--json", *db]) == 0
    assert any("lunch" in json.dumps(record["detail"]) for record in json.loads(capsys.readouterr().out))
    assert main(["audit", "verify", *db]) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("close", "Missing argument 'PAIR|all'"),
        ("close EURUSD", "'EURUSD' is not a pair: write it EUR_USD"),
        ("pause --mode LIVE", "No such option: --mode"),
        ("kill --mode PAPIER", "the payload's mode is"),
        ("pause --reason ", "the reason is"),
    ],
)
def test_what_makes_no_sense_is_not_sent(
    database: Path, capsys: pytest.CaptureFixture[str], words: str, told: str
) -> None:
    before = commands_in(database)
    assert main([*words.split(" "), "--db", str(database)]) == 2
    assert told in capsys.readouterr().err
    assert commands_in(database) == before


def commands_in(database: Path) -> int:
    with closing(open_store(sqlite_url(database))) as store, store.reading() as reader:
        return len(reader.list_commands(Span(500), CommandFilter()))


@pytest.mark.parametrize(("answer", "code"), [("n\n", 130), ("y\n", 0)])
def test_releasing_the_kill_switch_is_asked_for_at_a_terminal(
    database: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    class Typing(StringIO):
        def isatty(self) -> bool:
            return True

    assert main(["kill", "--db", str(database)]) == 0
    monkeypatch.setattr(sys, "stdin", Typing(answer))
    assert main(["kill", "--release", "--db", str(database)]) == code
    assert (held(database) == set()) is (code == 0)
    monkeypatch.undo()
    assert main(["kill", "--release", "--yes", "--db", str(database)]) == 0
