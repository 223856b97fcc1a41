"""The verb `paper --mode LIVE`, and the tool that tries it on a simulated OANDA."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.fixtures.deployed import wait_until
from tests.fixtures.oanda_market import oanda_environment
from tests.fixtures.paper import sample_series
from tests.published import published
from tests.servers.choice import SWITCH
from tests.simulators.oanda import Faults, OandaSimulator, ResponseFault, VirtualClock
from tests.tools.scalpbot_run import run_verb

WEDNESDAY = 1_709_696_100  # 2024-03-06T03:35:00Z
PATIENCE_SECONDS = 60.0


def test_live_run_begins_stops_when_asked_and_reports(tmp_path: Path) -> None:
    # The next candle closes in two seconds of a clock that stands still until the process has begun.
    with OandaSimulator(sample_series(candles=2_000), VirtualClock(WEDNESDAY + 298)) as simulator:
        environ = {name: value for name, value in os.environ.items() if name != SWITCH} | {
            "OANDA_API_KEY": simulator.token,
            "OANDA_ACCOUNT_ID": simulator.account_id,
            "OANDA_REST_URL": simulator.address.rest_url,
            "OANDA_STREAM_URL": simulator.address.stream_url,
            "SCALP_BOT_LIVE__CALENDAR_URL": "http://127.0.0.1:1/none",
        }
        database = tmp_path / "live.db"
        command = ["paper", "--mode", "LIVE", "--pairs", "EUR_USD,USD_JPY", "--db", str(database), "--json"]
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.tools.scalpbot", *command],
                env=environ,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        history = 2 * 500
        fed = history + 2
        try:
            wait_until(lambda: candles_in(database) >= history, PATIENCE_SECONDS, "history is traded")
            simulator.clock.set_speed(1.0)
            wait_until(lambda: candles_in(database) >= fed, PATIENCE_SECONDS, "a live candle is traded")
        finally:
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, (tmp_path / "log").read_text(encoding="utf-8")
        assert simulator.changing_requests == []
        said = (output + (tmp_path / "log").read_bytes()).decode()
        assert simulator.token not in said
        assert simulator.account_id not in said
    *events, last = output.splitlines()
    assert [published("up", event)["type"] for event in events][:1] in ([], ["account.day_started"])
    report = published("paper", last)
    assert (report["mode"], report["candles"], report["run"]["new_candles"]) == ("LIVE", fed, fed)
    checked = run_verb("parity", "--db", str(database), environ={})
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("kind", [ResponseFault.TIMEOUT, ResponseFault.CLOUDFLARE, ResponseFault.FORBIDDEN_PAGE])
def test_a_start_while_oanda_is_away_says_so_at_once_and_stops_when_asked(tmp_path: Path, kind: ResponseFault) -> None:
    with OandaSimulator(sample_series(candles=100), VirtualClock(WEDNESDAY), Faults(answers_all=kind)) as simulator:
        environ = {name: value for name, value in os.environ.items() if name != SWITCH} | oanda_environment(simulator)
        command = ["paper", "--mode", "LIVE", "--pairs", "EUR_USD", "--db", str(tmp_path / "live.db")]
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.tools.scalpbot", *command], env=environ, stdout=log, stderr=log
            )
        try:
            wait_until(lambda: b"feed is away" in (tmp_path / "log").read_bytes(), PATIENCE_SECONDS, "it is told")
            # It was told after the first question, not after a minute of asking.
            assert len(simulator.requests) <= 3
        finally:
            process.send_signal(signal.SIGTERM)
            # Far less than a question used to be put again and again, and what an impatient manager allows.
            process.wait(timeout=10.0)
        assert process.returncode == 0, (tmp_path / "log").read_text(encoding="utf-8")


def candles_in(database: Path) -> int:
    found = run_verb("status", "--db", str(database), "--json", environ={})
    return int(json.loads(found.stdout)["candles"]) if found.returncode == 0 else 0


def test_simulated_live_run_tells_what_it_did(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.tools.paper_simulated", "--speed", "600", "--json"]
    with (
        (log := tmp_path / "log").open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        # The silence of a run that opens nothing is ended, too.
        limit = threading.Timer(PATIENCE_SECONDS, process.kill)
        limit.start()
        opened = any('"type":"trade.opened"' in line for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        limit.cancel()
    assert opened, log.read_text()
    assert process.returncode == 0, log.read_text()
    assert "0 of them for an order or a change" in rest
