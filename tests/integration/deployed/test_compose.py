"""docker-compose.yml: what it promises to whoever runs it, and, where an engine may be used, that it keeps it."""

import os
import re
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.integration.deployed.compose import Platform, engine_or_skip, eventually, make_secrets
from tests.integration.deployed.compose_file import DOORS, MAIN
from tests.repository import ROOT

COMPOSE: Final = (ROOT / MAIN).read_text(encoding="utf-8")
TRADING: Final = ("ingest", "strategy", "executor")
SERVICES: Final = (*TRADING, "api")
SERVERS: Final = ("rabbitmq", "postgres")
SAMPLE_CANDLES: Final = 21_507
SAMPLE_TRADES: Final = 75
SAMPLE_TRADE_HASH: Final = "a5519b401697c81b00079cee18f5e3572d8a145469a403e94eaed1d1819fe0ac"
# Five weeks in some minutes: enough for every container to be missed in the middle of the work.
MARKET_SECONDS_TO_A_SECOND: Final = "10000"
SETTLE_SECONDS: Final = 480.0
HEALTHY_SECONDS: Final = 90.0
SERVER_DOORS: Final = {"postgres": 5432, "rabbitmq": 15672}
LISTENS: Final = {"postgres": 5432, "rabbitmq": 5672, "api": 8000}
NEEDED: Final = {
    **{name: {"postgres", "rabbitmq"} for name in TRADING},
    "api": {"postgres"},
    # The database answers on the network by which the API asks it, so it could ask back.
    "postgres": {"api"},
    "rabbitmq": set[str](),
}


def test_example_environment_names_every_variable_with_its_default() -> None:
    doors = (ROOT / DOORS).read_text(encoding="utf-8")
    used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE + doors))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert dict(re.findall(r"^#([A-Z_]+)=(.*)$", example, re.MULTILINE)) == used


def test_no_variable_of_the_compose_file_lacks_a_default() -> None:
    assert not re.findall(r"\$\{\w+\}|\$\w+", COMPOSE)


def test_build_and_start_need_nothing_that_older_engines_lack() -> None:
    dockerfile = (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert "syntax=" not in dockerfile
    assert "start_interval" not in COMPOSE
    assert not re.search(r"^version:", COMPOSE, re.MULTILINE)


def test_secrets_are_random_and_closed_to_other_people(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    make_secrets(first)
    make_secrets(second)
    assert stat.S_IMODE(first.stat().st_mode) == 0o700
    names = {path.name for path in first.iterdir()}
    assert names == set(re.findall(r"SECRETS_FOLDER:-[^}]*\}/(\S+)", COMPOSE))
    for name in names:
        assert (first / name).read_text() != (second / name).read_text(), name


def test_making_secrets_again_changes_none_and_adds_what_is_missing(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    (tmp_path / "rabbitmq_url_admin").unlink()
    make_secrets(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Build the image, and return what keeps a project apart from everybody else's."""
    engine_or_skip()
    folder = tmp_path_factory.mktemp("secrets")
    make_secrets(folder)
    services = ("INGEST_PORT", "STRATEGY_PORT", "EXECUTOR_PORTS", "API_PORT", "API_HEALTH_PORT")
    ports = (*services, "RABBITMQ_MANAGEMENT_PORT", "POSTGRES_PORT")
    made = {"SECRETS_FOLDER": str(folder), "SCALPBOT_IMAGE": "scalpbot:test", **dict.fromkeys(ports, "0")}
    Platform("scalpbot-build", made).run("build", "--quiet", "init")
    return made


@contextmanager
def running(variables: Mapping[str, str], speed: str) -> Iterator[Platform]:
    """Start the platform on empty volumes, and take it away again with all that it stored."""
    platform = Platform(f"scalpbot-test-{os.getpid()}", {**variables, "SPEED": speed})
    try:
        platform.run("up", "--detach", "--wait")
        yield platform
    finally:
        platform.run("down", "--volumes", "--timeout", "5")


def test_platform_comes_up_healthy_and_trades_the_sample_as_the_backtest_does(
    variables: dict[str, str], tmp_path: Path
) -> None:
    settings = tmp_path / "scalpbot.toml"
    settings.write_text("[retention]\ncandles_days = 14\n", encoding="utf-8")
    with running({**variables, "SETTINGS_FILE": str(settings)}, "max") as platform:
        assert all(platform.healthy(name) for name in (*SERVICES, *SERVERS))
        assert_sample_is_settled(platform)
        assert_each_container_reaches_what_it_needs_and_no_other(platform)
        assert_old_candles_are_deleted_and_the_rest_is_proven(platform)
        assert_api_answers(platform, Path(variables["SECRETS_FOLDER"]))


def test_doors_to_the_servers_are_open_only_while_they_are_asked_for(variables: dict[str, str]) -> None:
    with running(variables, "max") as platform:
        opened = Platform(f"scalpbot-test-{os.getpid()}", {**variables, "SPEED": "max"}, (MAIN, DOORS))
        opened.run("up", "--detach", "--wait")
        for name, inside in SERVER_DOORS.items():
            socket.create_connection(("127.0.0.1", opened.port(name, inside)), 5).close()
        assert not opened.reaches("postgres", "rabbitmq", 5672)
        platform.run("up", "--detach", "--wait")
        for name, inside in SERVER_DOORS.items():
            assert not platform.run("port", name, str(inside), may_fail=True).strip(), name
        assert_sample_is_settled(platform)
        # With the file of the doors, whose networks go with it.
        opened.run("down", "--volumes", "--timeout", "5")


def test_whatever_is_killed_up_brings_it_back_and_the_ledger_is_the_same(variables: dict[str, str]) -> None:
    with running(variables, MARKET_SECONDS_TO_A_SECOND) as platform:
        for victim in (*SERVICES, *SERVERS):
            assert not finished(platform), f"{victim} would be killed too late to be missed"
            platform.kill(victim)
            platform.run("up", "--detach", "--wait")
        assert_sample_is_settled(platform)


def test_services_that_crash_come_back_without_hands_and_the_ledger_is_the_same(variables: dict[str, str]) -> None:
    with running(variables, MARKET_SECONDS_TO_A_SECOND) as platform:
        for victim in SERVICES:
            assert not finished(platform), f"{victim} would crash too late to be missed"
            platform.crash(victim)
            eventually(partial(restarted, platform, victim), HEALTHY_SECONDS, f"{victim} is restarted")
            eventually(partial(platform.healthy, victim), HEALTHY_SECONDS, f"{victim} is ready again")
        assert_sample_is_settled(platform)


def assert_old_candles_are_deleted_and_the_rest_is_proven(platform: Platform) -> None:
    """Start the container that deletes what the settings call old, and wait until it has done so."""
    platform.run("up", "--detach", "--wait", "upkeep")
    assert platform.healthy("upkeep")

    def is_pruned() -> bool:
        return platform.scalpbot("parity")["checkpoint"] is not None

    eventually(is_pruned, HEALTHY_SECONDS, "old candles are deleted")
    assert not platform.reaches("upkeep", "rabbitmq", 5672)
    assert platform.scalpbot("audit", "verify")["ok"]


def assert_each_container_reaches_what_it_needs_and_no_other(platform: Platform) -> None:
    """Try from inside each container to connect to every other, by its name and by each of its addresses."""
    for source, needed in NEEDED.items():
        for target, port in LISTENS.items():
            hosts = (target, *platform.addresses(target))
            reached = [host for host in hosts if target != source and platform.reaches(source, host, port)]
            assert bool(reached) == (target in needed), (source, target, reached)


def assert_api_answers(platform: Platform, secrets: Path) -> None:
    """Sign in with the first password, read what was traded, and have the executor carry out a command."""
    base = f"http://127.0.0.1:{platform.port('api', 8000)}"
    password = (secrets / "api_first_password").read_text(encoding="utf-8").strip()
    with httpx.Client(base_url=base, timeout=30) as client:
        assert client.get("/readyz").json() == {"ready": True, "waiting_for": {}}
        assert client.get("/readyz", headers={"Host": "scalpbot.example"}).status_code == 421
        signed = client.post("/auth/login", json={"username": "admin", "password": password})
        assert signed.status_code == 200, signed.text
        assert len(client.get("/api/trades").json()["items"]) == SAMPLE_TRADES
        beating = {each["service"] for each in client.get("/api/status").json()["heartbeats"]}
        assert {"api", "strategy", "executor"} <= beating
        sent = client.post("/api/commands", json={"type": "PAUSE_ALL"})
        assert sent.status_code == 202, sent.text

        def done() -> bool:
            return bool(client.get(f"/api/commands/{sent.json()['id']}").json()["status"] == "SUCCEEDED")

        eventually(done, HEALTHY_SECONDS, "the executor carries out what was asked of the API")
        # What an executor does last is to anchor the audit log, where the API can read it.
        platform.run("stop", "executor")
        verified = client.get("/api/audit/verify").json()
        assert verified["ok"]
        assert verified["anchors"]["count"] >= 1
        assert verified["anchors"]["not_covered"] == 0
    health = f"http://127.0.0.1:{platform.port('api', 9104)}"
    assert "scalpbot_api_requests_total" in httpx.get(f"{health}/metrics").text


def restarted(platform: Platform, service: str) -> bool:
    """Return whether the engine started a service anew."""
    return int(platform.inspect(service, ".RestartCount")) > 0


def finished(platform: Platform) -> bool:
    """Return whether every candle of the sample is settled."""
    status = platform.scalpbot("status")
    return bool(status["candles"] == SAMPLE_CANDLES and status["candles_not_traded"] == 0)


def assert_sample_is_settled(platform: Platform) -> None:
    """Wait for the last candle; then trades, ledger and audit log have to be those of an undisturbed run."""
    eventually(partial(finished, platform), SETTLE_SECONDS, "the sample is settled")
    parity = platform.scalpbot("parity")
    assert parity["ok"]
    assert parity["trade_hash"] == SAMPLE_TRADE_HASH
    assert platform.scalpbot("audit", "verify")["ok"]
