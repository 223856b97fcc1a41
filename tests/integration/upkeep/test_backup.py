"""Backups of SQLite databases and the way back: of one moment, whole or not at all, and traded on like the original."""

import shutil
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import pytest

from shared.contracts.vocabulary import HoldKind
from shared.store.engine import sqlite_url
from shared.store.file_lock import locked_file
from shared.store.sql_store import open_store
from tests.faults.equipment.small_disk import SmallDisk
from tests.integration.store.before_columns import make_before
from tests.integration.upkeep.kept import backed_up_while_trading, killed_at, require_proven, traded
from tests.servers.errors import UnavailableError
from tests.tools.beside import trading
from tests.verbs import Run, answer, run_

__all__ = ["run_"]

HOSTILE = ("-rf", "a b", "it's", 'say "x"', "a?b=c&d", "50%25", "new\nline", ":memory:", "file:x?mode=ro", "..x", "ünï")


def backed_up(run: Run, database: str, file: str = "b.db") -> Path:
    code, output, errors = run("db", "backup", "--db", database, "--", file)
    assert code == 0, output + errors
    return Path(file)


def error_of(run: Run, *arguments: str) -> str:
    code, output, errors = run(*arguments)
    assert (code, output) == (2, ""), errors
    last = errors.splitlines()[-1]
    assert last.startswith("error: ")
    return last


def test_a_backup_says_what_is_in_it_and_is_its_owners_alone(run: Run) -> None:
    trade_hash = traded(run, "x.db")
    told = answer(run, "db", "backup", "b.db", "--db", "x.db")
    assert told["ok"] is True
    assert told["bytes"] == Path("b.db").stat().st_size
    assert told["contents"]["trade_hash"] == trade_hash
    assert told["contents"]["newest_candle_time"].endswith("Z")
    assert told["contents"]["audit_head"] == answer(run, "audit", "verify", "--db", "x.db")["head"]
    assert Path(told["anchors"]).read_bytes() == Path("x.anchors.jsonl").read_bytes()
    assert stat.S_IMODE(Path("b.db").stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(told["anchors"]).stat().st_mode) == 0o600
    left = {path.name for path in Path().iterdir() if path.name.startswith((".b", "b."))}
    assert left == {"b.db", "b.db.anchors.jsonl"}


def test_backups_taken_under_a_platform_at_full_speed_are_each_of_one_moment(run: Run, tmp_path: Path) -> None:
    with trading(tmp_path) as database:
        for number in range(4):
            backed_up(run, str(database), f"{number}.db")
    candles = []
    for number in range(4):
        copy = f"{number}.db"
        assert run("audit", "verify", "--db", copy, "--anchors", f"{copy}.anchors.jsonl")[0] == 0
        candles.append(answer(run, "parity", "--db", copy)["candles"])
    assert candles == sorted(candles)


def test_backups_of_a_run_that_goes_on_end_as_that_run_does(run: Run, tmp_path: Path) -> None:
    backups = backed_up_while_trading(run, tmp_path, "x.db", 2_500, lambda: Path("x.anchors.jsonl").exists())
    undisturbed = require_proven(run, "x.db")
    assert sum(0 < candles < undisturbed["candles"] for candles in backups) >= 2, backups
    for number in range(len(backups)):
        code, _, errors = run("db", "restore", f"{number}.db", "--db", f"at{number}/y.db")
        assert code == 0, errors
        shutil.copy("x.anchor-key", f"at{number}/y.anchor-key")
        assert traded(run, f"at{number}/y.db", candles=2_500) == undisturbed["trade_hash"]
        assert require_proven(run, f"at{number}/y.db")["candles"] == undisturbed["candles"]


def test_a_backup_restored_elsewhere_ends_as_the_undisturbed_run_does(run: Run) -> None:
    undisturbed = traded(run, "whole.db")
    traded(run, "x.db", candles=400)
    backed_up(run, "x.db")
    answer(run, "db", "restore", "b.db", "--db", "elsewhere/y.db")
    # As the operator is told to.
    shutil.copy("x.anchor-key", "elsewhere/y.anchor-key")
    assert require_proven(run, "elsewhere/y.db")["candles"] == 400
    assert traded(run, "elsewhere/y.db") == undisturbed
    require_proven(run, "elsewhere/y.db")


def test_an_older_state_in_the_place_of_a_newer_one_holds_entries_until_it_is_accepted(run: Run) -> None:
    traded(run, "x.db", candles=400)
    backed_up(run, "x.db")
    traded(run, "x.db")
    anchors = Path("x.anchors.jsonl").read_bytes()
    code, _, errors = run("db", "restore", "b.db", "--db", "x.db", "--replace", "--yes")
    assert code == 0
    assert "Newer in the present database, and lost with it:" in errors
    assert "hold all entries" in errors
    assert "Look through the users" in errors
    assert Path("x.anchors.jsonl").read_bytes() == anchors
    assert answer(run, "parity", "--db", "x.db")["candles"] == 400
    traded(run, "x.db", candles=500)
    with closing(open_store(sqlite_url(Path("x.db")))) as store, store.reading() as reader:
        assert [hold.kind for hold in reader.holds()] == [HoldKind.RESTORED]
    assert run("db", "accept-restore", "--db", "x.db")[0] == 0


def test_nothing_is_replaced_that_was_not_meant_to_be(run: Run) -> None:
    traded(run, "x.db", candles=300)
    backed_up(run, "x.db")
    before = Path("x.db").read_bytes()
    assert "exists already" in error_of(run, "db", "backup", "b.db", "--db", "x.db")
    assert "--replace" in error_of(run, "db", "restore", "b.db", "--db", "x.db")
    assert "--yes" in error_of(run, "db", "restore", "b.db", "--db", "x.db", "--replace")
    with locked_file(sqlite_url(Path("x.db"))):
        assert "another process trades in" in error_of(
            run, "db", "restore", "b.db", "--db", "x.db", "--replace", "--yes"
        )
    assert Path("x.db").read_bytes() == before


def test_what_is_no_sound_backup_is_refused_in_one_sentence(run: Run, tmp_path: Path) -> None:
    traded(run, "x.db", candles=300)
    backed_up(run, "x.db")
    Path("text.db").write_text("candles\n" * 1_000, encoding="utf-8")
    Path("empty.db").touch()
    with closing(sqlite3.connect("other.db")) as other:
        other.execute("CREATE TABLE recipes (name)")
    shutil.copy("b.db", "newer.db")
    with closing(sqlite3.connect("newer.db")) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    body = bytearray(Path("b.db").read_bytes())
    body[20 * 4_096 : 30 * 4_096] = b"\x7f" * (10 * 4_096)
    Path("torn.db").write_bytes(body)
    Path("folder").mkdir()
    for name, words in {
        "text.db": "not a sound SQLite database",
        "empty.db": "no database of ours",
        "other.db": "tables of another program",
        "newer.db": "newer than",
        "torn.db": "damaged",
        "folder": "is a folder",
        "missing.db": "there is no file",
    }.items():
        error = error_of(run, "db", "restore", name, "--db", "y.db")
        assert words in error or "not a sound" in error, name
        assert not (tmp_path / "y.db").exists()
    assert "there is no database" in error_of(run, "db", "backup", "z.db", "--db", "missing.db")
    assert "no folder" in error_of(run, "db", "backup", "missing/z.db", "--db", "x.db")


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_that_a_file_can_have_is_one_for_a_backup(run: Run, name: str) -> None:
    traded(run, "x.db", candles=300)
    backed_up(run, "x.db", name)
    assert Path(name).read_bytes()[:6] == b"SQLite"
    code, _, errors = run("db", "restore", "--db", "y.db", "--", name)
    assert code == 0, errors
    require_proven(run, "y.db")


def test_an_older_schema_is_backed_up_as_it_is_and_upgraded_when_restored(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_before(sqlite_url(Path("x.db")), "0014", monkeypatch)
    told = answer(run, "db", "backup", "b.db", "--db", "x.db")
    assert (told["schema"], told["contents"]) == ("0014", None)
    assert answer(run, "db", "restore", "b.db", "--db", "y.db")["schema_of_backup"] == "0014"
    assert run("db", "check", "--db", "y.db")[0] == 0


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_backup_that_is_killed_leaves_no_file_of_its_name(run: Run, tmp_path: Path, share: float) -> None:
    traded(run, "x.db", candles=300)
    killed_at(1, share, tmp_path, "db", "backup", "b.db", "--db", "x.db")
    assert not Path("b.db").exists()
    assert not Path("b.db.anchors.jsonl").exists()
    backed_up(run, "x.db")
    assert not Path(".b.db.part").exists()


@pytest.mark.parametrize(("phase", "share"), [(1, 0.0), (1, 1.0), (2, 0.0), (2, 0.5)])
def test_a_restore_that_is_killed_leaves_the_database_as_it_was(
    run: Run, tmp_path: Path, phase: int, share: float
) -> None:
    traded(run, "x.db", candles=300)
    backed_up(run, "x.db")
    trade_hash = traded(run, "x.db", candles=900)
    killed_at(phase, share, tmp_path, "db", "restore", "b.db", "--db", "x.db", "--replace", "--yes")
    if phase == 1:
        killed_at(phase, share, tmp_path, "db", "restore", "b.db", "--db", "y.db")
        assert not Path("y.db").exists()
    assert require_proven(run, "x.db")["trade_hash"] == trade_hash


def test_on_a_full_disk_a_backup_says_so_and_leaves_nothing(run: Run) -> None:
    traded(run, "x.db", candles=300)
    try:
        disk = SmallDisk(2)
    except UnavailableError as fault:
        pytest.skip(f"left out: {fault}")
    with disk:
        disk.fill(leaving=400_000)
        code, _, errors = run("db", "backup", str(disk.folder / "b.db"), "--db", "x.db")
        assert (code, "its disk is full" in errors) == (1, True), errors
        assert [path.name for path in disk.folder.iterdir()] == ["ballast"]


@pytest.mark.parametrize("leaving", [400_000, 1_300_000])
def test_on_a_full_disk_a_restore_says_so_and_leaves_the_database_as_it_was(run: Run, leaving: int) -> None:
    traded(run, "b.db", candles=900)
    try:
        disk = SmallDisk(16)
    except UnavailableError as fault:
        pytest.skip(f"left out: {fault}")
    with disk:
        database = str(disk.folder / "x.db")
        trade_hash = traded(run, database, candles=300)
        disk.fill(leaving=leaving)
        code, _, errors = run("db", "restore", "b.db", "--db", database, "--replace", "--yes")
        assert (code, "its disk is full" in errors) == (1, True), errors
        disk.free()
        assert require_proven(run, database)["trade_hash"] == trade_hash


@pytest.mark.parametrize("agrees", [True, False])
def test_a_person_at_a_terminal_is_asked(run: Run, monkeypatch: pytest.MonkeyPatch, agrees: bool) -> None:
    traded(run, "x.db", candles=300)
    backed_up(run, "x.db")
    trade_hash = traded(run, "x.db")
    asked = []

    def confirm(question: str, **_options: object) -> bool:
        asked.append(question)
        return agrees

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", confirm)
    code, _, errors = run("db", "restore", "b.db", "--db", "x.db", "--replace")
    assert asked == ["Put b.db in the place of x.db?"]
    assert code == (0 if agrees else 2)
    assert ("nothing was done" in errors) is not agrees
    assert (answer(run, "parity", "--db", "x.db")["trade_hash"] == trade_hash) is not agrees
