"""The verbs `commands send`, `list` and `show` with `up`, and commands at executors that are processes of their own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from services.cli.program import main
from shared.store.engine import sqlite_url
from shared.store.rows.commands import CommandFilter
from shared.store.rows.listing import Span
from shared.store.sql_store import open_store
from tests.fixtures.commanded import commanded
from tests.fixtures.declared import declare
from tests.fixtures.deployed import Deployment, wait_until
from tests.servers.choice import SWITCH
from tests.tools.scalpbot_run import run_verb


@pytest.fixture(name="deployment")
def deployment_(postgres_url: str, vhost_url: str, tmp_path: Path) -> Iterator[Deployment]:
    declare(vhost_url, 1)
    deployment = Deployment(postgres_url, vhost_url, tmp_path)
    yield deployment
    deployment.close()


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return run_verb(*arguments, environ={})


def status_of(store_url: str, command_id: int) -> str:
    with closing(open_store(store_url)) as store, store.reading() as reader:
        row = reader.command(command_id)
    assert row is not None
    return row.status


def test_a_row_of_plain_sql_is_executed_by_an_executor_process(deployment: Deployment, postgres_url: str) -> None:
    deployment.start("executor")
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        connection.execute(
            "INSERT INTO commands (created_ts_utc, actor, type, payload_json, status)"
            """ VALUES (now(), 'admin', 'CLOSE_PAIR', '{"mode": "LIVE", "pair": "EUR_USD"}', 'PENDING'),"""
            " (now(), 'admin', 'KILL_SWITCH_ON', '{}', 'PENDING')"
        )
    wait_until(lambda: status_of(postgres_url, 2) == "SUCCEEDED", 60, "the kill switch is on")
    assert status_of(postgres_url, 1) == "SKIPPED"
    assert deployment.metrics("executor")['scalpbot_commands_total{status="SKIPPED",type="CLOSE_PAIR"}'] == 1
    wait_until(lambda: deployment.metrics("executor")["scalpbot_commands_pending"] == 0, 20, "no command waits")
    assert deployment.metrics("executor")["scalpbot_commands_oldest_pending_age_seconds"] == 0
    with closing(open_store(postgres_url)) as store, store.reading() as reader:
        skipped = reader.command(1)
        assert skipped is not None
        assert json.loads(skipped.result_json or "")["reason"] == "live_trading_disabled"
        assert [hold.kind for hold in reader.holds()] == ["kill_switch"]


def test_verbs_send_list_and_show_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = tmp_path / "paper.db"
    db = ("--db", str(database))
    with commanded(sqlite_url(database)) as desk:
        verb = ("commands", "send", "PAUSE_PAIR", "--pair", "EUR_USD", "--key", "k", "--anyway")
        sent = run(*verb, "--actor", "bob", "--reason", "lunch", *db)
        assert (sent.returncode, sent.stdout) == (0, "Command 1 PAUSE_PAIR sent; see `scalpbot commands show 1`.\n")
        again = run(*verb, "--reason", "lunch", "--json", *db)
        assert (json.loads(again.stdout)["id"], json.loads(again.stdout)["is_new"]) == (1, False)
        assert main(["status", "--json", *db]) == 0
        waiting = json.loads(capsys.readouterr().out)["pending_commands"]
        assert (waiting["count"], waiting["oldest_age_seconds"] >= 0) == (1, True)
        assert main(["status", *db]) == 0
        assert "commands waiting  1, the oldest for " in capsys.readouterr().out
        desk.obey()
    assert main(["status", "--json", *db]) == 0
    (hold,) = json.loads(capsys.readouterr().out)["holds"]
    assert (hold["scope"], hold["actor"], hold["command_id"]) == ("EUR_USD", "bob", 1)
    (listed,) = json.loads(run("commands", "list", "--json", *db).stdout)
    assert (listed["actor"], listed["status"], listed["result"]["changed"]) == ("bob", "SUCCEEDED", True)
    assert listed["payload"]["reason"] == "lunch"
    assert json.loads(run("commands", "list", "--json", "--to", "1h", *db).stdout) == []
    shown = json.loads(run("commands", "show", "1", "--json", *db).stdout)
    assert [record["action"] for record in shown["audit"]][-1] == "command.completed"
    assert "command.completed" in run("commands", "show", "1", *db).stdout
    assert "PAUSE_PAIR" in run("commands", "list", *db).stdout
    missing = run("commands", "show", "2", *db)
    assert (missing.returncode, "there is no command 2" in missing.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("OPEN_PAIR",), "unknown command 'OPEN_PAIR'"),
        (("CLOSE_PAIR",), "CLOSE_PAIR needs a pair in the payload"),
        (("CLOSE_PAIR", "--pair", "EURUSD"), "'EURUSD' is not a pair"),
        (("CLOSE_ALL", "--mode", "BOTH"), "use PAPER or LIVE"),
        (("CLOSE_ALL", "--key", " "), "the idempotency key may hold only A-Z, a-z, 0-9"),
        (("CLOSE_ALL", "--key", ";=1+1"), "the idempotency key may hold only A-Z, a-z, 0-9"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_before_it_is_stored(
    tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    database = tmp_path / "paper.db"
    with commanded(sqlite_url(database)) as desk:
        refused = run("commands", "send", *arguments, "--anyway", "--db", str(database))
        assert (refused.returncode, why in refused.stderr) == (2, True), refused.stderr
        with desk.store.reading() as reader:
            assert reader.list_commands(Span(10), CommandFilter()) == []


def test_a_running_platform_obeys_and_tells_who_waits(tmp_path: Path) -> None:
    database = tmp_path / "demo.db"
    program = [sys.executable, "-m", "tests.tools.scalpbot", "up", "--no-api", "--db", str(database)]
    # The switch of the tests looks like a setting of the program, which refuses those it does not know.
    environ = {variable: value for variable, value in os.environ.items() if variable != SWITCH}
    running = subprocess.Popen(program, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert running.stderr is not None
        assert any("stop with Ctrl-C" in line for line in running.stderr)
        verb = ("commands", "send", "--json", "--db", str(database))
        paused = run(*verb, "PAUSE_ALL")
        assert (paused.returncode, json.loads(paused.stdout)["status"]) == (0, "SUCCEEDED"), paused.stderr
        skipped = run(*verb, "CLOSE_ALL", "--mode", "LIVE")
        assert (skipped.returncode, json.loads(skipped.stdout)["status"]) == (3, "SKIPPED")
    finally:
        running.send_signal(signal.SIGTERM)
        _out, _err = running.communicate(timeout=60)
    assert running.returncode == 0
    late = run(*verb, "RESUME_ALL")
    assert (late.returncode, json.loads(late.stdout)["sent"]) == (3, False)
