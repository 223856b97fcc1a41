"""The verbs `run api` and `users`: what they refuse, how the API starts, and how it ends."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest

from services.api.security.passwords import require_strong
from services.api.security.proxies import checked_proxies
from services.api.serving import require_safe_address
from services.cli.program import main
from shared.contracts.errors import InputError
from shared.store.engine import sqlite_url
from shared.store.sql_store import open_store
from tests.fixtures.api import PASSWORD, Api
from tests.fixtures.api_stores import quick_api, server_url
from tests.fixtures.new_store import new_sqlite
from tests.repository import ROOT
from tests.servers.ports import free_ports

__all__ = ["quick_api", "server_url"]

OTHER_PASSWORD = "tulip gravel orbit 31"  # noqa: S105


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    new_sqlite(tmp_path / "paper.db")
    return tmp_path / "paper.db"


def program(*arguments: object, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a verb that ends by itself, in this process."""
    words = [str(argument) for argument in arguments]
    output, errors = io.StringIO(), io.StringIO()
    with patch("sys.stdin", io.StringIO(given)), redirect_stdout(output), redirect_stderr(errors):
        code = main(words)
    return subprocess.CompletedProcess(words, code, output.getvalue(), errors.getvalue())


def refused_api(database: Path, *arguments: object) -> str:
    """Return what an API says that does not start; it does not take the usual port, which somebody may have."""
    refused = program("run", "api", "--db", database, "--port", free_ports(1)[0], "--health-port", 0, *arguments)
    assert refused.returncode == 2
    return refused.stderr


def users(database: Path) -> list[tuple[str, str, bool]]:
    with closing(open_store(sqlite_url(database))) as store, store.reading() as reader:
        return [(user.name, user.role, user.disabled) for user in reader.users()]


@contextmanager
def started(
    database: Path | None, *options: object, health_port: int = 0, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    (port,) = free_ports(1)
    command: list[object] = [sys.executable, "-m", "tests.tools.scalpbot", "run", "api", "--port", port]
    command += ["--health-port", health_port, *options, *(() if database is None else ("--db", database))]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    process = subprocess.Popen(
        [str(part) for part in command], cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True
    )
    base = f"http://127.0.0.1:{port}"
    try:
        while True:
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            try:
                httpx.get(f"{base}/healthz")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield base, process
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def test_a_user_is_added_signs_in_and_the_api_ends_cleanly_while_somebody_follows(database: Path) -> None:
    added = program("users", "add", "ann", "--role", "operator", "--db", database, given=f"{PASSWORD}\n")
    assert (added.returncode, added.stdout) == (0, "ann may now sign in as operator.\n")
    with started(database) as (base, process), httpx.Client(base_url=base, timeout=20) as client:
        signed = client.post("/auth/login", json={"username": "ann", "password": PASSWORD})
        assert signed.status_code == 200
        assert client.get("/readyz").json() == {"ready": True, "waiting_for": {}}
        assert client.get("/api/status").json()["heartbeats"][0]["service"] == "api"
        with client.stream("GET", "/api/events") as events:
            lines = events.iter_lines()
            assert next(lines) == "retry: 2000"
            process.send_signal(signal.SIGTERM)
            for _ in lines:
                pass
        assert process.wait(20) == 0
        assert process.stderr is not None
        log = [json.loads(line) for line in process.stderr]
    assert [line["event"] for line in log if line["level"] != "info"] == []
    assert log[-1]["event"] == "stopped"
    with closing(open_store(sqlite_url(database))) as store, store.reading() as reader:
        recorded = [row for row in reader.audit_in_order() if row.action.startswith("service.")]
    assert [row.action for row in recorded] == ["service.started", "service.stopped"]
    assert json.loads(recorded[0].detail_json).keys() == {"instance", "trading_digest", "version"}


def test_nothing_in_the_environment_ends_the_product_on_purpose(database: Path) -> None:
    assert program("users", "add", "ann", "--role", "operator", "--db", database, given=PASSWORD).returncode == 0
    where = "api.before_commit"
    asked = started(database, CRASH_AT=where, CRASH_IS_A_TEST="1", BROKEN=f"die:{where}")
    with asked as (base, process), httpx.Client(base_url=base, timeout=20) as client:
        signed = client.post("/auth/login", json={"username": "ann", "password": PASSWORD})
        proof = {"X-CSRF-Token": signed.json()["csrf_token"]}
        assert client.post("/api/commands", json={"type": "PAUSE_ALL"}, headers=proof).status_code == 202
        assert process.poll() is None


def test_second_factors_are_required_where_the_start_says_so(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program("users", "add", "ann", "--role", "operator", "--db", database, given=PASSWORD).returncode == 0
    with started(database, "--require-second-factor") as (base, _), httpx.Client(base_url=base, timeout=20) as client:
        signed = client.post("/auth/login", json={"username": "ann", "password": PASSWORD})
        assert signed.status_code == 200
        assert client.get("/api/status").status_code == 200
        refused = client.post("/api/commands", json={"type": "PAUSE_ALL"})
        assert (refused.status_code, "set up a second factor first" in refused.json()["detail"]) == (403, True)
    assert main(["up", "--require-second-factor", "--trusted-proxy", "*"]) == 2
    assert capsys.readouterr().err.startswith("error: --trusted-proxy *")


def test_without_users_the_api_does_not_start(database: Path) -> None:
    assert "there is no user who may sign in: add one with `scalpbot users add" in refused_api(database)


def test_the_first_user_comes_from_a_file_once(database: Path, tmp_path: Path) -> None:
    secret = tmp_path / "first-password"
    secret.write_text(f"{PASSWORD}\n", encoding="utf-8")
    with started(database, "--bootstrap-file", secret) as (base, _):
        body = {"username": "admin", "password": PASSWORD}
        assert httpx.post(f"{base}/auth/login", json=body).json()["role"] == "admin"
    assert users(database) == [("admin", "admin", False)]
    secret.write_text("changeme-changeme\n", encoding="utf-8")
    with started(database, "--bootstrap-file", secret) as (base, _):
        assert httpx.post(f"{base}/auth/login", json=body).status_code == 200


@pytest.mark.parametrize("content", ["changeme-changeme", "short", "", f"{PASSWORD}\n{PASSWORD}"])
def test_a_weak_first_password_is_refused(database: Path, tmp_path: Path, content: str) -> None:
    secret = tmp_path / "first-password"
    secret.write_text(content, encoding="utf-8")
    told = refused_api(database, "--bootstrap-file", secret)
    assert "password" in told
    assert not content or content not in told
    assert users(database) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "scalpbot.example"])  # noqa: S104
def test_nobody_elsewhere_is_answered_without_tls(host: str) -> None:
    with pytest.raises(InputError, match=r"give --behind-tls, or listen on 127\.0\.0\.1"):
        require_safe_address(host, behind_tls=False)
    require_safe_address(host, behind_tls=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_this_machine_is_answered_without_tls(host: str) -> None:
    require_safe_address(host, behind_tls=False)


def test_a_host_elsewhere_is_refused_before_anything_is_opened(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "api", "--db", str(database), "--host", "0.0.0.0"]) == 2  # noqa: S104
    assert "passwords would travel unencrypted" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [("run", "api"), ("up", "--feed", "demo")])
@pytest.mark.parametrize(
    "everybody", ["*", "0.0.0.0/0", "::/0", "0.0.0.0/1", "proxy.example", "localhost", "10.0.0.7/8", "10.0.0.007", ""]
)
def test_not_everybody_is_believed_where_a_request_comes_from(
    database: Path, capsys: pytest.CaptureFixture[str], verb: tuple[str, ...], everybody: str
) -> None:
    assert main([*verb, "--db", str(database), "--trusted-proxy", everybody]) == 2
    assert capsys.readouterr().err.startswith(f"error: --trusted-proxy {everybody}")


def test_proxies_are_addresses_and_networks() -> None:
    given = ["10.0.0.7", "10.0.0.0/8", "2001:DB8::1", "fc00::/7", "192.0.2.1/32"]
    assert checked_proxies(given) == ("10.0.0.7", "10.0.0.0/8", "2001:db8::1", "fc00::/7", "192.0.2.1")


def test_users_are_disabled_let_in_again_and_given_new_passwords(database: Path) -> None:
    for name, role in (("ann", "admin"), ("bob", "viewer")):
        assert program("users", "add", name, "--role", role, "--db", database, given=PASSWORD).returncode == 0
    assert program("users", "disable", "bob", "--db", database).returncode == 0
    assert users(database) == [("ann", "admin", False), ("bob", "viewer", True)]
    listed = program("users", "list", "--db", database, "--json")
    assert [(row["name"], row["disabled"]) for row in json.loads(listed.stdout)] == [("ann", False), ("bob", True)]
    assert "bob   viewer  disabled" in program("users", "list", "--db", database).stdout
    assert program("users", "enable", "bob", "--db", database).returncode == 0
    assert program("users", "passwd", "bob", "--db", database, given=OTHER_PASSWORD).returncode == 0
    assert program("users", "role", "bob", "--role", "operator", "--db", database).returncode == 0
    unlocked = program("users", "unlock", "bob", "--db", database)
    assert (unlocked.returncode, unlocked.stdout) == (0, "bob can sign in again without waiting, from any address.\n")
    assert users(database)[1] == ("bob", "operator", False)
    with closing(open_store(sqlite_url(database))) as store, store.reading() as reader:
        actions = [(row.actor, row.action) for row in reader.audit_in_order()]
    assert actions == [
        ("cli", "user.added"),
        ("cli", "user.added"),
        ("cli", "user.disabled"),
        ("cli", "user.enabled"),
        ("cli", "user.password_set"),
        ("cli", "user.role_set"),
        ("cli", "user.unlocked"),
    ]


def test_tokens_are_made_listed_and_ended_on_the_machine(database: Path) -> None:
    assert program("users", "add", "ann", "--role", "operator", "--db", database, given=PASSWORD).returncode == 0
    made = program("tokens", "add", "robot", "--of", "ann", "--may-command", "--db", database)
    assert made.returncode == 0
    assert made.stdout.startswith("scalpbot_")
    assert "robot asks for ann as viewer until" in made.stderr
    again = program("tokens", "add", "second", "--of", "ann", "--role", "operator", "--db", database, "--json")
    assert json.loads(again.stdout)["token"].startswith("scalpbot_")
    for name, role, part in (("robot", "viewer", "already"), ("third", "admin", "no more than its user")):
        refused = program("tokens", "add", name, "--of", "ann", "--role", role, "--db", database)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert part in refused.stderr
    assert program("tokens", "revoke", 1, "--db", database).returncode == 0
    assert program("tokens", "revoke", 1, "--db", database).returncode == 2
    [row] = json.loads(program("tokens", "list", "--db", database, "--json").stdout)
    assert (row["id"], row["name"], row["scope"], row["last_used_time"]) == (2, "second", "read", None)
    assert made.stdout.strip() not in program("tokens", "list", "--db", database).stdout


@pytest.mark.parametrize(
    ("arguments", "given", "part"),
    [
        (("add", "ann"), "too short", "use at least 15"),
        (("add", "ann"), "", "the password has 0 characters"),
        (("add", "Ann Smith"), PASSWORD, "is not a valid user name"),
        (("add", "executor"), PASSWORD, "is not a valid user name"),
        (("add", "carol"), PASSWORD, "there is a user 'carol' already"),
        (("add", "ann", "--role", "king"), PASSWORD, "king"),
        (("passwd", "dave"), PASSWORD, "there is no user 'dave'"),
        (("disable", "dave"), "", "there is no user 'dave'"),
        (("unlock", "dave"), "", "there is no user 'dave'"),
        (("role", "dave", "--role", "admin"), "", "there is no user 'dave'"),
        (("role", "carol", "--role", "viewer"), "", "'carol' is the last admin"),
        (("disable", "carol"), "", "'carol' is the last admin"),
    ],
)
def test_what_cannot_be_done_with_users_is_said_in_a_sentence(
    database: Path, arguments: tuple[str, ...], given: str, part: str
) -> None:
    assert program("users", "add", "carol", "--role", "admin", "--db", database, given=PASSWORD).returncode == 0
    refused = program("users", *arguments, "--db", database, given=given)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert part in refused.stderr
    assert PASSWORD not in refused.stderr


@pytest.mark.parametrize(
    "weak",
    [
        "password",
        "fourteen chars",
        "passwordpassword",
        "changemechangeme1",
        "aaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "abcdefghijklmnopq",
        "0123456789012345",
        "ScalpBot-Admin-2026",
        "annannannannann-secret",
        "qwertyuiop123456",
        "1qazxsw23edcvfr4",
        "q1w2e3r4t5y6u7i8",
        "qazwsxedcrfvtgb",
        "a1b2c3d4e5f6g7h8",
        "jesuschrist12345",
        "JesusChrist!!12345",
        "manchesterunited",
        "M@nchester-Un1ted-2026!",
        "Summer2026Summer2026",
        "pokemonpokemonpokemon",
        "thequickbrownfoxjumps",
        "eurusdgbpusdusdjpy",
        "Wallstreet-Trader-99",
        "correct horse battery staple",
        "moor kettle violin 88",
        "M00r-Kettle-Violin-88",
        "x" * 1_025,
    ],
)
def test_a_password_that_is_tried_first_is_not_taken(weak: str) -> None:
    with pytest.raises(InputError, match="password"):
        require_strong(weak, "ann")


def test_no_password_that_the_product_prints_is_taken(quick_api: Api) -> None:
    document = json.dumps(quick_api.get("/api/openapi.json").json())
    printed = [*re.findall(r'"(?:new_)?password": \{[^{}]*"examples": \["([^"]+)"\]', document)]
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        printed += re.findall(r'"(?:new_)?password": ?"([^".]+)"', page.read_text(encoding="utf-8"))
    assert len(printed) >= 4
    for password in printed:
        with pytest.raises(InputError, match="password"):
            require_strong(password, "ann")


@pytest.mark.parametrize("strong", ["gravel spoon thirteen barns", "hopsunrivetdune", "Xq7 dragon ferret lagoon"])
def test_common_words_may_be_among_others(strong: str) -> None:
    require_strong(strong, "ann")


@pytest.mark.parametrize("strong", [PASSWORD, OTHER_PASSWORD, "Grüße aus dem Wald, 4 Uhr", "k3JhPq9_zVtN2wLx"])
def test_a_password_that_nobody_guesses_is_taken(strong: str) -> None:
    require_strong(strong, "ann")


def test_a_second_factor_is_set_and_forgotten_on_the_machine(database: Path) -> None:
    assert program("users", "add", "ann", "--role", "admin", "--db", database, given=PASSWORD).returncode == 0
    wrong = program("users", "second-factor", "ann", "--db", database, given="000000\n")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "the code is wrong" in wrong.stderr
    assert re.search(
        r"\n([A-Z2-7]{32})\notpauth://totp/Scalp%20Bot%3Aann\?secret=\1&issuer=Scalp%20Bot\n", wrong.stderr
    )
    refused = program("users", "forget-second-factor", "bob", "--db", database)
    assert (refused.returncode, "there is no user 'bob'" in refused.stderr) == (2, True)
    assert program("users", "forget-second-factor", "ann", "--db", database).returncode == 0
