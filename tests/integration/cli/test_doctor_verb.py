"""The verb `doctor` as a whole: database, settings and broker, what it prints, and how it ends."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli import main
from services.inspection.doctor import CheckResult, examine, readable_settings
from shared.store.rows.audit import AuditEntry
from shared.store.sql_store import open_store
from tests.fixtures.examined import (
    HURRIED,
    NOW,
    OANDA,
    PAIRS,
    black_hole,
    examined,
    is_skipped,
    problems,
    simulated,
    stored_market,
    verdicts,
)
from tests.fixtures.oanda_market import oanda_environment
from tests.repository import ROOT
from tests.simulators.oanda import Faults


@pytest.fixture(name="url")
def url_(tmp_path: Path) -> str:
    return stored_market(tmp_path)


def test_broken_audit_chain_is_a_problem(url: str) -> None:
    store = open_store(url)
    with store.transaction() as transaction:
        transaction.append_audit([AuditEntry(NOW, "test", "looked", None, {"at": 1})])
    store.close()
    with simulated() as simulator:
        assert "1 records" in examined(simulator, url)["audit chain"].sentence
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.executescript("DROP TRIGGER audit_log_refuses_update; UPDATE audit_log SET actor = 'me'")
        connection.close()
        assert "broken at record 1" in problems(examined(simulator, url))["audit chain"]


def test_each_wrong_variable_is_told_and_hides_no_other_check(url: str, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[gates]\nnews_minutes = -4\n")
    with simulated() as simulator:
        environ = oanda_environment(simulator) | {"RABBITMQ_URL": "http://somewhere", "LIVE_TRADING_ENABLED": "perhaps"}
        settings, findings = readable_settings(tmp_path / "bad.toml", environ)
        findings += tuple(examine(settings, url, PAIRS, clock=simulator.clock.now, limits=HURRIED))
    found = {finding.check: finding for finding in findings}
    assert set(problems(found)) == {"settings", "environment"}
    assert "bad.toml:2" in found["settings"].sentence
    assert "RABBITMQ_URL" in found["environment"].sentence
    assert "LIVE_TRADING_ENABLED" in found["environment"].sentence
    assert verdicts(found, *OANDA) == {CheckResult.OK}


def test_broker_without_its_queues_is_a_problem_until_they_are_declared(url: str, vhost_url: str) -> None:
    with simulated() as simulator:
        found = examined(simulator, url, RABBITMQ_URL=vhost_url)
        assert "`scalpbot bus declare`" in problems(found)["message broker"]
        assert main(["bus", "declare", "--url", vhost_url]) == 0
        found = examined(simulator, url, RABBITMQ_URL=vhost_url)
    assert problems(found) == {}
    assert "every queue works" in found["message broker"].sentence


def test_dead_broker_and_dead_database_are_two_problems_of_their_own() -> None:
    # Bound and not listening: nobody else can take the port meanwhile, and it refuses all the same.
    with simulated() as simulator, socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))
        place = f"user:hush@127.0.0.1:{refusing.getsockname()[1]}"
        found = examined(simulator, f"postgresql://{place}/db", RABBITMQ_URL=f"amqp://{place}/v")
    assert set(problems(found)) == {"store", "message broker"}
    assert is_skipped(found, "audit chain", "stored candles", "news calendar")
    assert "hush" not in str(found)
    assert verdicts(found, *OANDA) == {CheckResult.OK}


def test_postgresql_store_is_examined_too(postgres_url: str) -> None:
    with simulated() as simulator:
        found = examined(simulator, postgres_url)
    assert problems(found) == {}
    assert "has the schema of this version" in found["store"].sentence


@pytest.fixture(name="bare_folder")
def bare_folder_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OANDA_")]:
        monkeypatch.delenv(name)
    return tmp_path


def test_without_credentials_the_checks_of_oanda_are_skipped_and_nothing_is_made(
    bare_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    by_name = {check["check"]: check for check in document["checks"]}
    assert document["ok"] is True
    assert by_name["OANDA token"] == {"check": "OANDA token", "verdict": "skipped", "sentence": "no OANDA_API_KEY"}
    assert list(bare_folder.iterdir()) == []


def test_problem_ends_the_verb_with_code_3_and_no_output_shows_a_credential(
    bare_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulated(faults=Faults(wrong_account=True)) as simulator:
        for name, value in oanda_environment(simulator).items():
            monkeypatch.setenv(name, value)
        codes = [main(["doctor", "--pairs", "EUR_USD"]), main(["doctor", "--pairs", "EUR_USD", "--json"])]
        shown = "".join(capsys.readouterr())
    assert codes == [3, 3]
    assert "problems: 1" in shown
    assert simulator.token not in shown
    assert simulator.account_id not in shown


def test_unknown_pair_is_bad_input(bare_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--pairs", "EUR_USD,EURO"]) == 2
    assert "'EURO' is not a pair" in capsys.readouterr().err


def test_verb_ends_by_itself_where_nothing_answers(bare_folder: Path) -> None:
    with black_hole() as nowhere:
        _, _, place = nowhere.partition("://")
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "OANDA_API_KEY": "token",
            "OANDA_ACCOUNT_ID": "101-004-1234567-001",
            "OANDA_REST_URL": nowhere,
            "OANDA_STREAM_URL": nowhere,
            "DATABASE_URL": f"postgresql://user:hush@{place}/db",
            "RABBITMQ_URL": f"amqp://user:hush@{place}/v",
        }
        run = subprocess.run(
            [sys.executable, "-c", "import sys; from services.cli import main; sys.exit(main())", "doctor", "--json"],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert run.returncode == 3, run.stderr
    found = {check["check"]: check["verdict"] for check in json.loads(run.stdout)["checks"]}
    assert [name for name, verdict in found.items() if verdict == "problem"] == [
        "OANDA host",
        "OANDA stream host",
        "store",
        "message broker",
    ]
