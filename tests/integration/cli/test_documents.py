"""JSON of every verb, held to its published schema on an empty, a small, a large and a hostile database."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import validator_for
from typer.main import get_command

from services.cli import main
from services.cli.documents.of_verbs import DOCUMENTS, schema_of
from services.cli.program import build_program
from shared.store import schema
from shared.store.engine import sqlite_url
from shared.store.sql_store import open_store
from tests.contract.store_users_contract import HASH
from tests.fixtures.commanded import fill_with_trades, plain_sql
from tests.fixtures.paper import SAMPLE, run_paper, sample_series
from tests.published import published

NEWS = ("--news", str(SAMPLE / "calendar_sample.json"))
CANDLES = ("--csv", f"EUR_USD={SAMPLE / 'EUR_USD_M5_sample.csv'}")
LONG = "x" * 200
# No program of ours would write any of this.
HOSTILE = (
    "INSERT INTO commands (created_ts_utc, actor, type, payload_json, status) VALUES ('2026-01-05T12:00:00Z', "
    f"'{LONG}', 'PAUSE_PAIR', '{{not JSON', 'PENDING'), ('2026-01-05T12:00:01Z', 'a' || char(27) || '[31m' || "
    "char(10), 'KILL_SWITCH_ON', '[1, {\"a\": null}]', 'PENDING')"
)
READING = (
    "status",
    "trades",
    "positions",
    "gates",
    "commands list",
    "parity",
    "audit tail",
    "audit verify",
    "doctor",
    "users list",
    "tokens list",
    "db check",
    "db size",
)

Told = Callable[..., Any]


@pytest.fixture(name="told")
def told_(capsys: pytest.CaptureFixture[str]) -> Told:
    """Return what calls a verb with `--json`, and holds its document to the schema and `ok` to the exit code."""

    def told(verb: str, *arguments: str, codes: tuple[int, ...] = (0,)) -> Any:
        code = main([*verb.split(), *arguments, "--json"])
        assert code in codes
        document = published(verb, capsys.readouterr().out)
        if isinstance(document, dict):
            assert document["ok"] is (code == 0)
        return document

    return told


@pytest.fixture(name="empty", scope="module")
def empty_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "paper.db"
    schema.upgrade(sqlite_url(path))
    return path


@pytest.fixture(name="small", scope="module")
def small_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "paper.db"
    fill_with_trades(path)
    return path


@pytest.fixture(name="large", scope="module")
def large_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "paper.db"
    run_paper(path, sample_series())
    return path


@pytest.fixture(name="hostile", scope="module")
def hostile_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "paper.db"
    run_paper(path, sample_series("USD_JPY", candles=1_000))
    plain_sql(path, HOSTILE)
    with closing(open_store(sqlite_url(path))) as store, store.transaction() as transaction:
        transaction.add_user(LONG[:64], "viewer", HASH)
    return path


def verbs_with_json(words: tuple[str, ...], verb: Any) -> Iterator[str]:
    if any("--json" in option.opts for option in verb.params):
        yield " ".join(words)
    for name, each in getattr(verb, "commands", {}).items():
        yield from verbs_with_json((*words, name), each)


def test_every_verb_with_json_has_a_schema_and_no_other_has() -> None:
    assert set(verbs_with_json((), get_command(build_program()))) == set(DOCUMENTS) - {"error"}


@pytest.mark.parametrize("verb", DOCUMENTS)
def test_schemas_leave_no_object_open_and_say_what_each_is(verb: str) -> None:
    schema = schema_of(verb)
    assert validator_for(schema).is_valid({"ok": True, "more": 1}) is (verb == "schema")
    for name, shape in schema.get("$defs", {}).items():
        assert shape["description"], name
        assert shape["additionalProperties"] is (name == "Event"), name


@pytest.mark.parametrize("database", ["empty", "small", "large", "hostile"])
@pytest.mark.parametrize("verb", READING)
def test_documents_of_a_database_are_as_published(
    request: pytest.FixtureRequest, told: Told, verb: str, database: str
) -> None:
    path: Path = request.getfixturevalue(database)
    if (verb, database) == ("parity", "empty"):
        assert main(["parity", "--db", str(path), "--json"]) == 2
        return
    # None of these databases has anchors.
    told(verb, "--db", str(path), codes=(0, 3) if verb in ("audit verify", "doctor") else (0,))


@pytest.mark.parametrize("database", ["small", "large"])
def test_documents_of_one_row_are_as_published(request: pytest.FixtureRequest, told: Told, database: str) -> None:
    at = ("--db", str(request.getfixturevalue(database)))
    (trade, *_) = told("trades", *at)
    whole = told("trades show", str(trade["number"]), *at)
    assert {name: whole[name] for name in trade} == trade
    found = told("why", trade["pair"], whole["signal_time"], *at)
    assert found["trade"]["number"] == trade["number"]
    assert [event["type"] for event in found["events"]] == ["trade.opened"]
    stopped = next(row for row in told("gates", "--limit", "500", *at) if row["reason"] != "passed")
    assert told("why", stopped["pair"], stopped["candle_time"], *at)["trade"] is None


def test_an_open_trade_is_shown_as_published(told: Told, small: Path) -> None:
    trade = next(row for row in told("trades", "--db", str(small)) if row["exit_time"] is None)
    assert told("trades show", str(trade["number"]), "--db", str(small))["pnl"] is None
    assert told("positions", "--db", str(small))[0]["pair"] in {"EUR_USD", "USD_JPY", "GBP_USD"}


def test_commands_are_objects_and_what_plain_sql_wrote_is_text(told: Told, small: Path, hostile: Path) -> None:
    done = told("commands show", "1", "--db", str(small))
    assert (done["payload"]["pair"], done["payload_text"], done["result"]["changed"]) == ("EUR_USD", None, True)
    assert done["audit"][0]["detail"]["type"] == "PAUSE_PAIR"
    odd = told("commands show", "1", "--db", str(hostile))
    assert (odd["payload"], odd["payload_text"], odd["actor"]) == (None, "{not JSON", LONG)


def test_commands_that_are_sent_say_so_as_published(told: Told, small: Path, tmp_path: Path) -> None:
    at = ("--db", str(_copied(small, tmp_path)))
    assert told("pause", "EUR_USD", *at, codes=(3,))["sent"] is False
    sent = told("commands send", "PAUSE_ALL", "--anyway", *at)
    assert (sent["sent"], sent["is_new"], sent["status"]) == (True, True, "PENDING")
    told("resume", "--anyway", *at)
    told("close", "all", "--anyway", "--yes", *at)
    assert told("kill", "--anyway", *at)["type"] == "KILL_SWITCH_ON"


def test_users_and_tokens_are_as_published(told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    at = ("--db", str(tmp_path / "paper.db"))
    assert told("db upgrade", *at)["before"] is None
    _typing(monkeypatch, "a long enough password of ann")
    assert told("users add", "ann", "--role", "operator", *at)["name"] == "ann"
    _typing(monkeypatch, "another long password of ann")
    told("users passwd", "ann", *at)
    for verb in ("disable", "enable", "unlock"):
        told(f"users {verb}", "ann", *at)
    told("users role", "ann", "--role", "viewer", *at)
    made = told("tokens add", "grafana", "--of", "ann", *at)
    (listed,) = told("tokens list", *at)
    assert listed == {name: value for name, value in made.items() if name not in ("ok", "token")}
    assert told("tokens revoke", str(made["id"]), *at)["id"] == made["id"]
    assert told("users list", *at)[0]["created_time"].endswith("Z")


@pytest.mark.parametrize("database", ["empty", "small", "large"])
def test_copies_and_old_rows_are_as_published(
    request: pytest.FixtureRequest, told: Told, database: str, tmp_path: Path
) -> None:
    copy = _copied(request.getfixturevalue(database), tmp_path)
    copied = told("db backup", str(tmp_path / "backup.db"), "--db", str(copy))
    restored = told("db restore", str(tmp_path / "backup.db"), "--db", str(tmp_path / "restored.db"))
    assert restored["contents"] == copied["contents"]
    told("db prune", "--older-than", "1w", "--dry-run", "--db", str(copy))
    told("db prune", "--older-than", "1w", "--yes", "--db", str(copy))
    if database != "empty":
        assert told("parity", "--db", str(copy))["ok"]


def test_runs_on_files_are_as_published(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paper = told("paper", *CANDLES, *NEWS, "--export-csv", "--export-dir", str(tmp_path))
    tested = told("backtest", *CANDLES, *NEWS, "--walk-forward", "2", "--trades", "trades.csv")
    assert (paper["net"], paper["trade_hash"]) == (tested["net"], tested["trade_hash"])
    assert paper["exported"]["trades"] == tested["trades"] > 0
    told("backtest", *CANDLES, "--mode", "time_exit", "--validation-percent", "0")
    told("indicators", *CANDLES)
    assert told("data check", *CANDLES)["files"][0]["bad_rows"] == []


def test_what_the_settings_are_is_as_published(told: Told, tmp_path: Path) -> None:
    told("config show")
    told("config check")
    assert told("audit keys", str(tmp_path / "key"))["made"] is True
    assert told("db check", "--db", str(tmp_path / "none.db"), codes=(3,))["state"] == "empty"


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        ("trades --pair EURUSD", 2, "EURUSD"),
        ("trades --limit 0", 2, "--limit"),
        ("backtst", 2, "Did you mean 'backtest'?"),
        ("db check --db postgresql://nobody@127.0.0.1:1/none", 1, "127.0.0.1"),
    ],
)
def test_with_json_a_fault_is_an_object_on_the_last_line_of_stderr(
    capsys: pytest.CaptureFixture[str], arguments: str, code: int, part: str
) -> None:
    assert main([*arguments.split(), "--json"]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    fault = published("error", printed.err.splitlines()[-1])
    assert (fault["ok"], fault["exit_code"]) == (False, code)
    assert part in fault["error"]


def test_schemas_are_published_by_the_program_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "audit", "verify"]) == 0
    assert json.loads(capsys.readouterr().out) == schema_of("audit verify")
    assert main(["schema"]) == 0
    assert capsys.readouterr().out.split("\n")[:-1] == list(DOCUMENTS)
    assert main(["schema", "--json"]) == 0
    assert json.loads(capsys.readouterr().out).keys() == DOCUMENTS.keys()
    assert main(["schema", "audit"]) == 2
    assert "Did you mean audit tail or audit verify or audit keys?" in capsys.readouterr().err


def _typing(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(f"{line}\n"))


def _copied(database: Path, folder: Path) -> Path:
    copy = folder / "copy.db"
    copy.write_bytes(database.read_bytes())
    return copy
