"""The verb `up`: the whole platform in one process, with its API, on each of its feeds."""

import json
import signal
import sqlite3
import threading
from contextlib import closing
from io import StringIO
from pathlib import Path

import httpx
import pytest

from services.api.security.accounts import Accounts
from services.api.serving import first_password, listening
from services.cli.program import main
from services.platform.platform import Platform
from shared.contracts.errors import InvariantError
from shared.store.engine import sqlite_url
from shared.store.sql_store import open_store
from tests.fixtures.api import PASSWORD, context_on, families
from tests.fixtures.deployed import wait_until
from tests.fixtures.new_store import new_sqlite
from tests.fixtures.paper import SAMPLE, sample_series
from tests.fixtures.up import PATIENCE_SECONDS, Up, log_of, running
from tests.simulators.oanda import OandaSimulator, VirtualClock

READS = ("gates", "trades", "equity", "daily-stats", "audit", "users")
# Neither a lease nor a feed, a broker or an outbox: a run of its own on a made-up market has none.
FIGURES = {
    "scalpbot_api_logins_total",
    "scalpbot_api_request_seconds",
    "scalpbot_api_requests_total",
    "scalpbot_audit_anchor_failures_total",
    "scalpbot_audit_anchor_timestamp_seconds",
    "scalpbot_audit_anchored_id",
    "scalpbot_build_info",
    "scalpbot_http_refused_total",
    "scalpbot_ingest_candles_total",
    "scalpbot_loop_progress_timestamp_seconds",
}
WEDNESDAY = 1_709_696_100  # 2024-03-06T03:35:00Z


def candles_in(up: Up) -> int:
    with closing(sqlite3.connect(up.folder / "data" / "demo.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM candles").fetchone()[0])


def services_alive(up: Up) -> set[str]:
    return {each["service"] for each in up.get("/api/status")["heartbeats"]}


def test_a_fresh_folder_has_a_platform_that_answers_trades_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path, "--speed", "36000", "--health-port", "0") as up:
        password = up.password()
        assert (up.get("/healthz"), up.client.get("/api/trades").status_code) == ({"alive": True}, 401)
        up.sign_in(password)
        up.wait_for("/api/trades?limit=1", "a trade is made")
        for path in READS:
            assert up.get(f"/api/{path}")["items"], path
        assert up.get("/api/candles?pair=EUR_USD&granularity=M5")["items"]
        assert up.get("/readyz") == {"ready": True, "waiting_for": {}}
        all_services = {"api", "executor", "ingest", "strategy"}
        wait_until(lambda: services_alive(up) == all_services, PATIENCE_SECONDS, "all give signs of life")
        assert families(up.client.get("/metrics").text) == FIGURES
        port = up.told(r'"health_port": (\d+)')
        assert "scalpbot_api_requests_total" in httpx.get(f"http://127.0.0.1:{port}/metrics").text
        assert up.client.get("/healthz", headers={"Host": "scalpbot.example"}).status_code == 421
        assert "opened at" in up.output()
        require_obedience(up)
        require_nobody_else(tmp_path / "data" / "demo.db", capsys)
        require_trading_while_somebody_reads(up)
        with up.client.stream("GET", "/api/events", params={"after": 0}) as events:
            lines = events.iter_lines()
            assert any(line == "event: trade.opened" for line in lines)
            assert up.stop() == 0
        before = candles_in(up)
        assert "stopped after" in up.errors()
        assert password not in json.dumps(log_of(up))
        # But for the request that named another host.
        assert [line["why"] for line in log_of(up) if line["level"] != "info"] == ["another host's name"]
    with running(tmp_path, "--speed", "36000", "--root-path", "/desk") as up:
        assert up.client.get("/desk/healthz").json() == {"alive": True}
        assert "/desk/api/status" in up.errors()
        body = {"username": "admin", "password": password}
        assert up.client.post("/auth/login", json=body).status_code == 401
        up.sign_in(up.password())
        wait_until(lambda: candles_in(up) > before, PATIENCE_SECONDS, "the market goes on", up.require_running)
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(PATIENCE_SECONDS) == 0
    assert main(["parity", "--db", str(tmp_path / "data" / "demo.db")]) == 0


def require_obedience(up: Up) -> None:
    sent = up.client.post("/api/commands", json={"type": "PAUSE_ALL"})
    assert sent.status_code == 202, sent.text
    path = f"/api/commands/{sent.json()['id']}"
    done = "the command is done"
    wait_until(lambda: up.get(path)["status"] == "SUCCEEDED", PATIENCE_SECONDS, done, up.require_running)


def require_nobody_else(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample = str(SAMPLE / "EUR_USD_M5_sample.csv")
    for other in (("up", "--no-api"), ("paper", "--csv", sample)):
        assert main([*other, "--db", str(database)]) == 2
        assert f"another process trades in {database}; stop it first" in capsys.readouterr().err


def require_trading_while_somebody_reads(up: Up) -> None:
    with closing(sqlite3.connect(up.folder / "data" / "demo.db", isolation_level=None)) as slow:
        slow.execute("BEGIN")
        slow.execute("SELECT count(*) FROM audit_log").fetchone()
        before = candles_in(up)
        wait_until(lambda: candles_in(up) > before, PATIENCE_SECONDS, "trading goes on", up.require_running)


def test_a_first_password_lasts_until_the_next_start_or_until_another_is_set(tmp_path: Path) -> None:
    new_sqlite(tmp_path / "demo.db")
    with closing(open_store(sqlite_url(tmp_path / "demo.db"))) as store:
        context = context_on(store, StringIO())
        first, second = first_password(context, None), first_password(context, None)
        assert first is not None
        assert second is not None
        with store.reading() as reader:
            (user,) = reader.users()
        assert (user.name, user.role) == ("admin", "admin")
        assert not context.passwords.fits(user.password_hash, first)
        assert context.passwords.fits(user.password_hash, second)
        Accounts(store, context.passwords, context.clock, "tests").set_password("admin", PASSWORD)
        assert first_password(context, None) is None


def test_files_are_replayed_and_can_be_read_until_it_is_stopped(tmp_path: Path) -> None:
    secret = tmp_path / "first-password"
    secret.write_text(f"{PASSWORD}\n", encoding="utf-8")
    files = ("--feed", "replay", "--csv", SAMPLE / "EUR_USD_M5_sample.csv", "--csv", SAMPLE / "USD_JPY_M5_sample.csv")
    news = ("--news", SAMPLE / "calendar_sample.json")
    with running(
        tmp_path, *files, *news, "--pairs", "EUR_USD", "--speed", "max", "--bootstrap-file", secret, "--db", "r.db"
    ) as up:
        up.told("(every candle of the files is traded)")
        up.sign_in(PASSWORD)
        assert up.get("/api/status")["newest_candles"][0]["pair"] == "EUR_USD"
        assert len(up.get("/api/status")["newest_candles"]) == 1
        assert up.stop() == 0
        assert "password" not in up.errors()
    with closing(open_store(sqlite_url(tmp_path / "r.db"))) as store, store.reading() as reader:
        assert reader.candle_count() == len(sample_series("EUR_USD")[0].time)
    assert main(["parity", "--db", str(tmp_path / "r.db")]) == 0


def test_a_replay_of_a_part_ends_by_itself_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ("--feed", "replay", "--csv", str(SAMPLE / "EUR_USD_M5_sample.csv"), "--db", str(tmp_path / "r.db"))
    command = ["up", *files, "--speed", "max", "--port", "0"]
    assert main([*command, "--candles", "600"]) == 0
    assert "no_conversion_rate" not in capsys.readouterr().err
    assert main([*command, "--candles", "100", "--once"]) == 0
    assert "stopped after 100 new candles" in capsys.readouterr().err
    with closing(open_store(sqlite_url(tmp_path / "r.db"))) as store, store.reading() as reader:
        assert reader.candle_count() == 700
        assert [user.name for user in reader.users()] == ["admin"]


def test_pair_whose_profit_cannot_be_converted_is_named_before_it_is_traded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ("--feed", "replay", "--csv", f"EUR_GBP={SAMPLE / 'EUR_USD_M5_sample.csv'}", "--db", str(tmp_path / "r.db"))
    assert main(["up", *files, "--speed", "max", "--no-api", "--candles", "10"]) == 0
    told = capsys.readouterr().err
    assert "No rate converts GBP to the account's USD" in told.split("stopped after")[0]


def test_oandas_candles_are_traded_and_no_order_is_sent(tmp_path: Path) -> None:
    with OandaSimulator(sample_series("EUR_USD", candles=2_000), VirtualClock(WEDNESDAY, 1.0)) as simulator:
        environ = {
            "OANDA_API_KEY": simulator.token,
            "OANDA_ACCOUNT_ID": simulator.account_id,
            "OANDA_REST_URL": simulator.address.rest_url,
            "OANDA_STREAM_URL": simulator.address.stream_url,
            "SCALP_BOT_LIVE__CALENDAR_URL": "http://127.0.0.1:1/none",
        }
        with running(tmp_path, "--feed", "oanda", "--pairs", "EUR_USD", "--db", "live.db", environ=environ) as up:
            up.sign_in(up.password())
            up.wait_for("/api/gates?limit=1", "history is judged")
            wait_until(lambda: up.client.get("/readyz").status_code == 200, PATIENCE_SECONDS, "it is ready")
            assert up.get("/api/status")["mode"] == "LIVE"
            assert up.stop() == 0
            assert simulator.token not in up.errors()
        assert simulator.changing_requests == []


def test_a_port_that_is_taken_is_said_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with listening("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        assert main(["up", "--port", port]) == 2
        assert f"cannot listen on 127.0.0.1:{port} (Address already in use)" in capsys.readouterr().err
        assert main(["up", "--no-api", "--health-port", port, "--db", "health.db"]) == 2
        assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_a_made_up_market_and_another_do_not_follow_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_up = str(tmp_path / "made_up.db")
    assert main(["up", "--no-api", "--speed", "max", "--candles", "3", "--db", made_up]) == 0
    sample = str(SAMPLE / "EUR_USD_M5_sample.csv")
    assert main(["up", "--no-api", "--feed", "replay", "--csv", sample, "--once", "--db", made_up]) == 2
    assert "this database holds a made-up market" in capsys.readouterr().err


def test_a_fault_of_trading_ends_the_api_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise InvariantError("the books do not add up")

    monkeypatch.setattr(Platform, "replay", broken)
    assert main(["up", "--port", "0", "--db", str(tmp_path / "demo.db")]) == 1
    assert "the books do not add up" in capsys.readouterr().err.splitlines()[-1]
    assert not [thread for thread in threading.enumerate() if thread.name == "api"]


def test_a_fault_of_the_api_ends_trading_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no more descriptors")

    monkeypatch.setattr("uvicorn.Server.run", broken)
    assert main(["up", "--port", "0", "--db", str(tmp_path / "demo.db")]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "error: the API stopped unexpectedly: RuntimeError: no more descriptors"
