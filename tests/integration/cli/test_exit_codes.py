"""The exit codes of every verb: each is tried, and the page of the command line has the same table."""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.main import get_command

from services.api.security.totp import STEP_SECONDS, code_at
from services.cli import main
from services.cli.program import build_program
from shared.contracts.times import format_time
from shared.store.engine import sqlite_url
from shared.store.sql_store import open_store
from tests.fixtures.commanded import plain_sql
from tests.fixtures.paper import SAMPLE, cut_sample
from tests.published import published
from tests.repository import ROOT

PAGE = ROOT / "docs" / "command-line.md"
# What runs until it is stopped is shown by tests of its own.
UP = "cli/test_up_verb.py::test_files_are_replayed_and_can_be_read_until_it_is_stopped"
WATCH = "cli/test_terminal.py::test_a_watched_table_is_redrawn_in_place_at_the_terminals_new_width"
DEVICE = "cli/test_exit_codes.py::test_a_device_is_set_up"
ACCEPTED = "executor/test_restored.py::test_accepting_keeps_the_kill_switch_on_and_begins_new_anchors"
DOWNLOADED = "cli/test_data_download.py::test_file_holds_the_complete_candles_of_the_market_and_what_it_lacks_is_told"
DEPLOYED = "deployed/test_deployed.py::test_replay_through_processes_ends_with_the_hash_of_the_backtest"
FROM = "2026-01-05T00:00:00Z"
AWAY = "--db postgresql://nobody@127.0.0.1:1/none"
NO_BROKER = "--url amqp://guest:guest@127.0.0.1:1/"
OWN_PASSWORD = "a long enough password of ann\n"  # noqa: S105 - of a user of this test alone


class Trial(NamedTuple):
    """A verb, a code, what was tried for it, and the arguments, or the test that shows it where a process must run."""

    verb: str
    code: int
    tried: str
    line: str = ""
    typed: str = ""
    shown_by: str = ""


def reading(verb: str, line: str = "") -> tuple[Trial, ...]:
    """Return the trials of a verb that reads a database."""
    return (
        Trial(verb, 0, "a database that was traded", f"{line} --db DB"),
        Trial(verb, 1, "PostgreSQL is away", f"{line} {AWAY}"),
        Trial(verb, 2, "no such database", f"{line} --db none.db"),
    )


def steering(verb: str, line: str) -> tuple[Trial, ...]:
    """Return the trials of a verb that sends a command."""
    return (
        Trial(verb, 0, "--anyway where nobody trades", f"{line} --anyway --db COPY"),
        Trial(verb, 1, "PostgreSQL is away", f"{line} {AWAY}"),
        Trial(verb, 2, "an option that is not there", f"{line} --pairs EUR_USD --db DB"),
        Trial(verb, 3, "nobody trades", f"{line} --db DB"),
    )


def changing(verb: str, line: str, typed: str = "") -> tuple[Trial, ...]:
    """Return the trials of a verb that changes a user."""
    return (
        Trial(verb, 0, "a user who is there", f"{line} --db COPY", typed),
        Trial(verb, 1, "PostgreSQL is away", f"{line} {AWAY}", typed),
        Trial(verb, 2, "no such user", f"{line.replace('ann', 'nobody')} --db COPY", typed),
    )


TRIALS = (
    Trial("paper", 0, "a candle file", "--csv CANDLES --db new.db"),
    Trial("paper", 1, "PostgreSQL is away", f"--csv CANDLES {AWAY}"),
    Trial("paper", 2, "a bad row", "--csv EUR_USD=bad.csv --db new.db"),
    Trial("up", 0, "stopped with SIGTERM", shown_by=UP),
    Trial("up", 2, "an address that is none", "--host nowhere.invalid --port 0"),
    Trial("backtest", 0, "a candle file", "--csv CANDLES"),
    Trial("backtest", 2, "a bad row", "--csv EUR_USD=bad.csv"),
    *reading("status"),
    *reading("trades"),
    *reading("trades show", "1"),
    *reading("positions"),
    *reading("gates"),
    *reading("why", "USD_JPY NEWEST"),
    Trial("watch", 0, "ended with Ctrl-C", shown_by=WATCH),
    Trial("watch", 2, "no terminal", "status --db DB"),
    *steering("pause", "EUR_USD"),
    *steering("resume", "EUR_USD"),
    *steering("close", "all"),
    *steering("kill", ""),
    *steering("commands send", "PAUSE_ALL"),
    *reading("commands list"),
    *reading("commands show", "1"),
    Trial("parity", 0, "a database that was traded", "--db DB"),
    Trial("parity", 1, "PostgreSQL is away", AWAY),
    Trial("parity", 2, "no such database", "--db none.db"),
    Trial("parity", 3, "a trade that was changed", "--db FORGED"),
    *reading("audit tail"),
    Trial("audit verify", 0, "a chain that holds", "--db DB"),
    Trial("audit verify", 1, "PostgreSQL is away", AWAY),
    Trial("audit verify", 2, "no such database", "--db none.db"),
    Trial("audit verify", 3, "a record that was changed", "--db FORGED"),
    Trial("audit keys", 0, "a new file", "key"),
    Trial("audit keys", 2, "a file that is no key", "bad.csv"),
    Trial("doctor", 0, "nothing is a problem", "--db DB"),
    Trial("doctor", 3, "PostgreSQL is away", AWAY),
    Trial("users add", 0, "a new name", "bob --db COPY", OWN_PASSWORD),
    Trial("users add", 1, "PostgreSQL is away", f"bob {AWAY}", OWN_PASSWORD),
    Trial("users add", 2, "a password that is too short", "bob --db COPY", "short\n"),
    *changing("users passwd", "ann", OWN_PASSWORD),
    *changing("users role", "ann --role viewer"),
    *changing("users disable", "ann"),
    *changing("users enable", "ann"),
    *changing("users unlock", "ann"),
    Trial("users second-factor", 0, "the device's code", shown_by=DEVICE),
    Trial("users second-factor", 1, "PostgreSQL is away", f"ann {AWAY}"),
    Trial("users second-factor", 2, "a wrong code", "ann --db COPY", "000000\n"),
    Trial("users forget-second-factor", 0, "a user with a device", shown_by=DEVICE),
    Trial("users forget-second-factor", 1, "PostgreSQL is away", f"ann {AWAY}"),
    Trial("users forget-second-factor", 2, "no such user", "nobody --db COPY"),
    *reading("users list"),
    Trial("tokens add", 0, "a user who is there", "second --of ann --db COPY"),
    Trial("tokens add", 1, "PostgreSQL is away", f"grafana --of ann {AWAY}"),
    Trial("tokens add", 2, "no such user", "grafana --of nobody --db COPY"),
    *reading("tokens list"),
    Trial("tokens revoke", 0, "a token that is alive", "1 --db COPY"),
    Trial("tokens revoke", 1, "PostgreSQL is away", f"1 {AWAY}"),
    Trial("tokens revoke", 2, "no such token", "7 --db COPY"),
    Trial("db upgrade", 0, "no database yet", "--db new.db"),
    Trial("db upgrade", 1, "PostgreSQL is away", AWAY),
    Trial("db upgrade", 2, "a file that is no database", "--db bad.csv"),
    Trial("db check", 0, "the schema of this version", "--db DB"),
    Trial("db check", 1, "PostgreSQL is away", AWAY),
    Trial("db check", 2, "a file that is no database", "--db bad.csv"),
    Trial("db check", 3, "no database yet", "--db none.db"),
    Trial("db accept-restore", 0, "a restored database", shown_by=ACCEPTED),
    Trial("db accept-restore", 1, "PostgreSQL is away", AWAY),
    Trial("db accept-restore", 2, "nothing to accept", "--db COPY"),
    Trial("db backup", 0, "a new file", "backup.db --db DB"),
    Trial("db backup", 1, "PostgreSQL is away", f"backup-2.db {AWAY}"),
    Trial("db backup", 2, "a file that is there", "bad.csv --db DB"),
    Trial("db restore", 0, "a backup into a new place", "BACKUP --db new.db"),
    Trial("db restore", 1, "PostgreSQL is away", f"BACKUP {AWAY}"),
    Trial("db restore", 2, "a file that is no backup", "bad.csv --db new.db"),
    Trial("db prune", 0, "rows older than two weeks", "--older-than 2w --yes --db COPY"),
    Trial("db prune", 1, "PostgreSQL is away", f"--older-than 2w --yes {AWAY}"),
    Trial("db prune", 2, "no age", "--db COPY"),
    Trial("db prune", 3, "a ledger that was changed", "--older-than 2w --yes --db FORGED"),
    *reading("db size"),
    Trial("config show", 0, "no settings file", ""),
    Trial("config show", 2, "no such settings file", "--config none.toml"),
    Trial("config check", 0, "no settings file", ""),
    Trial("config check", 2, "a key that nobody knows", "--config wrong.toml"),
    *(
        Trial(f"run {service}", code, tried, line, shown_by=shown_by)
        for service in ("ingest", "strategy", "executor", "upkeep", "api")
        for code, tried, line, shown_by in (
            (0, "stopped with SIGTERM", "", DEPLOYED),
            (2, "no settings file of that name", "--config none.toml", ""),
        )
    ),
    Trial("bus declare", 0, "a broker", "--url BROKER"),
    Trial("bus declare", 1, "the broker is away", f"{NO_BROKER} --timeout 1"),
    Trial("bus declare", 2, "an address that is none", "--url nowhere"),
    Trial("bus check", 0, "a broker after `bus declare`", "--url BROKER"),
    Trial("bus check", 1, "the broker is away", NO_BROKER),
    Trial("bus check", 2, "an address that is none", "--url nowhere"),
    Trial("bus check", 3, "an empty broker", "--url EMPTY_BROKER"),
    Trial("bus definitions", 0, "the settings in force", ""),
    Trial("bus definitions", 2, "a folder that is not there", "--out none/definitions.json"),
    Trial("dlq list", 0, "a broker after `bus declare`", "--url BROKER"),
    Trial("dlq list", 1, "the broker is away", NO_BROKER),
    Trial("dlq list", 2, "an address that is none", "--url nowhere"),
    *(
        trial
        for verb in ("dlq replay", "dlq drop")
        for trial in (
            Trial(verb, 0, "an empty queue", "strategy.candles.0 --url BROKER"),
            Trial(verb, 1, "the broker is away", f"strategy.candles.0 {NO_BROKER}"),
            Trial(verb, 2, "an address that is none", "strategy.candles.0 --url nowhere"),
        )
    ),
    Trial("data check", 0, "a file without bad rows", "--csv CANDLES"),
    Trial("data check", 2, "no such file", "--csv none.csv --pair EUR_USD"),
    Trial("data check", 3, "a bad row", "--csv EUR_USD=bad.csv"),
    Trial("data download", 0, "a simulated OANDA", shown_by=DOWNLOADED),
    Trial("data download", 2, "no access to OANDA", f"--pair EUR_USD --granularity M5 --from {FROM} --out c"),
    Trial("indicators", 0, "a candle file", "--csv CANDLES"),
    Trial("indicators", 2, "a bad row", "--csv EUR_USD=bad.csv"),
    Trial("schema", 0, "a verb with --json", "status"),
    Trial("schema", 2, "a verb without", "watch"),
)
OF_THIS_PROCESS = [trial for trial in TRIALS if not trial.shown_by]


@pytest.fixture(name="given", scope="module")
def given_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a database that was traded, one that was forged, and files that cannot be read."""
    folder = tmp_path_factory.mktemp("given")
    cut_sample(folder, "EUR_USD", 60).rename(folder / "EUR_USD.csv")
    lines = (folder / "EUR_USD.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "bad.csv").write_text("".join([*lines[:5], "2014-05-01T00:30:00Z,x\n", *lines[5:]]), encoding="utf-8")
    (folder / "wrong.toml").write_text("[gates]\nnews = 1\n", encoding="utf-8")
    at = ("--db", str(folder / "paper.db"))
    assert main(["paper", "--csv", str(SAMPLE / "USD_JPY_M5_sample.csv"), *at]) == 0
    assert main(["commands", "send", "PAUSE_ALL", "--anyway", *at]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", StringIO(OWN_PASSWORD))
        assert main(["users", "add", "ann", "--role", "operator", *at]) == 0
    assert main(["tokens", "add", "grafana", "--of", "ann", *at]) == 0
    copied(folder, "forged.db")
    plain_sql(folder / "forged.db", "DROP TRIGGER audit_log_refuses_update")
    plain_sql(folder / "forged.db", "UPDATE audit_log SET actor = 'x' WHERE id = 2")
    plain_sql(folder / "forged.db", "UPDATE candles SET bid_close = '1.000' WHERE seq = 500")
    return folder


def copied(folder: Path, name: str) -> Path:
    (folder / name).write_bytes((folder / "paper.db").read_bytes())
    return folder / name


def arguments_of(trial: Trial, given: Path, request: pytest.FixtureRequest) -> list[str]:
    """Return what is typed for a trial."""
    found = [*trial.verb.split(), *trial.line.split()]
    places = {"DB": "paper.db", "FORGED": "forged.db", "CANDLES": "EUR_USD.csv"}
    if "COPY" in found:
        places["COPY"] = str(copied(given, f"copy-{trial.verb.replace(' ', '-')}-{trial.code}.db"))
    if "NEWEST" in found:
        with closing(open_store(sqlite_url(given / "paper.db"))) as store, store.reading() as reader:
            places["NEWEST"] = format_time(reader.gate_snapshots(1, "USD_JPY")[0].candle_time)
    if "BACKUP" in found:
        places["BACKUP"] = str(given / "for-restore.db")
        if not (given / "for-restore.db").exists():
            assert main(["db", "backup", places["BACKUP"], "--db", "paper.db"]) == 0
    for name in {"BROKER", "EMPTY_BROKER"} & set(found):
        places[name] = request.getfixturevalue("vhost_url")
        if name == "BROKER":
            assert main(["bus", "declare", "--url", places[name]]) == 0
    return [places.get(word, word) for word in found]


@pytest.mark.parametrize("trial", OF_THIS_PROCESS, ids=lambda trial: f"{trial.verb}-{trial.code}")
def test_a_verb_ends_with_the_code_that_the_page_says(
    trial: Trial,
    given: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(given)
    monkeypatch.setattr("sys.stdin", StringIO(trial.typed))
    (given / "new.db").unlink(missing_ok=True)
    typed = arguments_of(trial, given, request)
    capsys.readouterr()
    assert main(typed) == trial.code
    said = capsys.readouterr()
    if trial.code in (1, 2) and trial.verb != "doctor":
        assert said.err.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in said.err


def test_a_device_is_set_up(given: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Device(StringIO):
        def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]  # the stub's base has bytes
            told = re.search(r"^[A-Z2-7]{32}$", capsys.readouterr().err, re.MULTILINE)
            assert told is not None
            return f"{code_at(told[0], int(time.time()) // STEP_SECONDS)}\n"

    monkeypatch.setattr("sys.stdin", Device())
    database = copied(given, "device.db")
    assert main(["users", "second-factor", "ann", "--db", str(database), "--json"]) == 0
    assert len(published("users second-factor", capsys.readouterr().out)["recovery_codes"]) >= 8
    assert main(["users", "forget-second-factor", "ann", "--db", str(database)]) == 0


def test_a_test_shows_what_takes_a_process_of_its_own() -> None:
    for trial in TRIALS:
        if trial.shown_by:
            file, _, name = trial.shown_by.partition("::")
            text = (ROOT / "tests" / "integration" / file).read_text(encoding="utf-8")
            assert f"def {name}(" in text, trial


def verbs_of(words: tuple[str, ...], verb: Any) -> Iterator[str]:
    commands = getattr(verb, "commands", {})
    if not commands or getattr(verb, "invoke_without_command", False):
        yield " ".join(words)
    for name, each in commands.items():
        yield from verbs_of((*words, name), each)


def test_the_page_has_every_verb_with_its_codes_and_what_was_tried() -> None:
    program = get_command(build_program())
    known = {verb for name, each in program.commands.items() for verb in verbs_of((name,), each)}  # type: ignore[attr-defined]
    assert {trial.verb for trial in TRIALS} == known
    rows = re.findall(r"^\| `([a-z -]+)` \| (\d) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [(verb, int(code), tried) for verb, code, tried in rows] == [
        (trial.verb, trial.code, trial.tried) for trial in TRIALS
    ]
