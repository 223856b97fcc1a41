"""The verbs `commands send`, `list` and `show` with `--url`: through an API, as a user who signs in for it."""

import io
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from services.cli.program import main
from services.cli.variables import PASSWORD_FILE_VARIABLE, TOKEN_FILE_VARIABLE, TOKEN_VARIABLE
from shared.store.engine import sqlite_url
from shared.store.rows.commands import CommandFilter
from shared.store.rows.listing import Span
from shared.store.sql_store import open_store
from tests.fixtures.api import PASSWORD, Api, running
from tests.fixtures.commanded import Commanded, commanded
from tests.servers.ports import free_ports

# Nobody sent a command before it was asked for, and everybody did before a later year.
_BOUNDS = (("--from", "1h"), ("--to", "1h"), ("--from", "2d", "--to", "2199-01-01"))
OF_TIMES = tuple(("list", *bounds) for bounds in _BOUNDS)


class Said(NamedTuple):
    """How a verb ended, and what it wrote."""

    code: int
    out: str
    err: str


class Terminal:
    """Somebody who types verbs."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
        self.database = database
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def run(self, *arguments: str, given: str = "") -> Said:
        self._capsys.readouterr()
        self._monkeypatch.setattr("sys.stdin", io.StringIO(given))
        code = main(["commands", *arguments])
        said = self._capsys.readouterr()
        assert PASSWORD not in said.out + said.err
        return Said(code, said.out, said.err)

    def over(self, api: Api, *arguments: str, user: str = "operator", given: str = f"{PASSWORD}\n") -> Said:
        return self.run(*arguments, "--url", str(api.client.base_url), "--user", user, given=given)

    def stored(self, *arguments: str) -> Said:
        return self.run(*arguments, "--db", str(self.database))


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    monkeypatch.chdir(tmp_path)
    return Terminal(capsys, monkeypatch, tmp_path / "paper.db")


@contextmanager
def platform_and_api(database: Path, **changes: Any) -> Iterator[tuple[Commanded, Api]]:
    url = sqlite_url(database)
    with (
        commanded(url) as desk,
        closing(open_store(url)) as store,
        running(store, **{"clock": lambda: desk.clock.now, **changes}) as api,
    ):
        yield desk, api


def test_api_tells_that_nobody_trades_and_the_verb_sends_nothing_then(terminal: Terminal) -> None:
    with platform_and_api(terminal.database, file_is_held=lambda: False) as (_desk, api):
        refused = terminal.over(api, "send", "KILL_SWITCH_ON")
        assert (refused.code, "would carry out KILL_SWITCH_ON: it was not sent" in refused.err) == (3, True)
        assert api.get("/api/status", "viewer").json()["trading"] == "nobody"
        assert api.get("/api/commands", "viewer").json()["items"] == []
        assert terminal.over(api, "send", "KILL_SWITCH_ON", "--anyway").code == 0
        signed_in = api.sign_in("operator").headers
        told = api.client.post("/api/commands", json={"type": "PAUSE_ALL"}, headers=signed_in)
        assert (told.status_code, told.json()["trading"]) == (202, "nobody")


def test_verbs_say_the_same_through_the_api_as_from_the_database(terminal: Terminal) -> None:
    with platform_and_api(terminal.database) as (desk, api):
        sent = terminal.over(api, "send", "--no-wait", "PAUSE_PAIR", "--pair", "EUR_USD", "--key", "k")
        assert sent == (
            0,
            "Command 1 PAUSE_PAIR sent; see `scalpbot commands show 1`.\n",
            "No new entries in EUR_USD until it is resumed; open positions keep their stop loss and take profit.\n",
        )
        again = terminal.over(api, "send", "--no-wait", "PAUSE_PAIR", "--pair", "EUR_USD", "--key", "k", "--json")
        known = terminal.stored("send", "--anyway", "PAUSE_PAIR", "--pair", "EUR_USD", "--key", "k", "--json")
        assert json.loads(again.out)["is_new"] is False
        assert again == known
        terminal.stored("send", "--anyway", "RESUME_ALL", "--actor", "bob")
        desk.obey()
        shown = (("show", "1"), ("show", "1", "--json"))
        for verb in (("list",), ("list", "--json"), ("list", "--limit", "1"), *OF_TIMES, *shown):
            assert terminal.over(api, *verb) == terminal.stored(*verb), verb
        taken = terminal.over(api, "send", "--no-wait", "PAUSE_PAIR", "--pair", "USD_JPY", "--key", "k")
        assert (taken.code, "the idempotency key 'k' belongs to command 1" in taken.err) == (2, True)
        seen = terminal.over(api, "show", "1", user="viewer")
        assert (seen.code, "command.sent" in seen.out) == (0, False)
        assert seen.err == "Its audit records are shown only to users with the role operator.\n"
        missing = terminal.over(api, "show", "7")
        assert (missing.code, "there is no command 7" in missing.err) == (2, True)
        with desk.store.reading() as reader:
            # Each verb has signed out again.
            assert sum(row.action == "session.opened" for row in reader.audit_in_order()) == sum(
                row.action == "session.closed" for row in reader.audit_in_order()
            )


def test_waiting_ends_with_the_command_and_says_how(terminal: Terminal) -> None:
    with platform_and_api(terminal.database) as (desk, api):
        done = threading.Event()

        def obey() -> None:
            while not done.wait(0.05):
                desk.obey()

        executor = threading.Thread(target=obey)
        executor.start()
        try:
            paused = terminal.over(api, "send", "PAUSE_ALL", "--wait")
            skipped = terminal.over(api, "send", "CLOSE_ALL", "--mode", "LIVE", "--wait", "--json")
        finally:
            done.set()
            executor.join()
        assert paused.code == 0
        assert paused.out.startswith("Command 1 PAUSE_ALL done. Entries are held in all pairs (pause by ")
        result = json.loads(skipped.out)
        assert (skipped.code, result["status"]) == (3, "SKIPPED")
        assert result["result"]["reason"] == "live_trading_disabled"
        assert result["idempotency_key"].startswith("cli-")
        # What takes the password anew has just been given it.
        assert terminal.over(api, "send", "--no-wait", "KILL_SWITCH_OFF").code == 0
        late = terminal.over(api, "send", "RESUME_ALL", "--wait", "--timeout", "1")
        assert (late.code, "command 4 is PENDING after 1 s" in late.err) == (1, True)


def test_the_password_comes_from_a_file_or_from_stdin(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n", encoding="utf-8")
    with platform_and_api(terminal.database) as (_desk, api):
        assert terminal.over(api, "list", given="").code == 2
        monkeypatch.setenv(PASSWORD_FILE_VARIABLE, str(secret))
        assert terminal.over(api, "list", given="").code == 0
        # Where it is not needed it is in nobody's way.
        assert terminal.stored("list").code == 0
        monkeypatch.setenv(PASSWORD_FILE_VARIABLE, str(tmp_path / "none"))
        unread = terminal.over(api, "list")
        assert (unread.code, "the file cannot be read" in unread.err) == (2, True)


def test_a_token_of_the_environment_stands_for_a_user_and_opens_no_session(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with platform_and_api(terminal.database) as (desk, api):
        wanted = {"name": "robot", "role": "operator", "scope": "command"}
        signed = api.sign_in("operator").headers
        token = api.client.post("/api/tokens", json=wanted, headers=signed).json()["token"]
        address = ("--url", str(api.client.base_url))
        monkeypatch.setenv(TOKEN_VARIABLE, token)
        assert terminal.run("send", "--no-wait", "PAUSE_ALL", *address).code == 0
        monkeypatch.delenv(TOKEN_VARIABLE)
        (tmp_path / "token").write_text(f"{token}\n", encoding="utf-8")
        monkeypatch.setenv(TOKEN_FILE_VARIABLE, str(tmp_path / "token"))
        assert json.loads(terminal.run("list", "--json", *address).out)[0]["actor"] == "operator/robot"
        refused = terminal.run("send", "--no-wait", "KILL_SWITCH_OFF", *address)
        assert (refused.code, "operator is refused: a token does not allow this" in refused.err) == (2, True)
        with desk.store.reading() as reader:
            assert [row for row in reader.audit_in_order() if row.action.startswith("session.")] == []


def test_a_token_that_is_none_is_refused_and_not_shown(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with platform_and_api(terminal.database) as (_desk, api):
        address = ("--url", str(api.client.base_url))
        for wrong, why in (("scalpbot_unknown", "the token is not accepted at"), ("b\u00e4r", "does not hold a token")):
            monkeypatch.setenv(TOKEN_VARIABLE, wrong)
            refused = terminal.run("list", *address)
            assert (refused.code, why in refused.err, wrong in refused.err) == (2, True, False)
        monkeypatch.delenv(TOKEN_VARIABLE)
        monkeypatch.setenv(TOKEN_FILE_VARIABLE, str(tmp_path / "none"))
        assert "the file cannot be read" in terminal.run("list", *address).err


def test_who_may_not_is_told_so_in_a_sentence(terminal: Terminal) -> None:
    with platform_and_api(terminal.database) as (desk, api):
        viewer = terminal.over(api, "send", "--no-wait", "PAUSE_ALL", user="viewer")
        refusal = "not allowed for your role: this needs the role operator, yours is viewer"
        assert viewer.err == f"error: viewer is refused: {refusal}\n"
        wrong = terminal.over(api, "send", "--no-wait", "PAUSE_ALL", given="guess guess guess\n")
        assert (wrong.code, wrong.err.endswith("the name or the password is wrong\n")) == (2, True)
        nobody = terminal.over(api, "send", "--no-wait", "PAUSE_ALL", given="\n")
        assert (nobody.code, "there is no password for operator" in nobody.err) == (2, True)
        unknown = terminal.over(api, "send", "--no-wait", "OPEN_PAIR")
        assert (unknown.code, "unknown command 'OPEN_PAIR'" in unknown.err) == (2, True)
        with desk.store.reading() as reader:
            assert reader.list_commands(Span(10), CommandFilter()) == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--url", "http://127.0.0.1:8000"), "--url needs --user NAME"),
        (("--user", "ann"), "--user needs --url"),
        (("--url", "http://127.0.0.1:8000", "--user", "ann", "--db", "x.db"), "--url cannot be combined with --db"),
        (("--url", "http://ann:secret@127.0.0.1:8000", "--user", "ann"), "--url holds a user or a password"),
        (("--url", "ftp://127.0.0.1", "--user", "ann"), "is not an address"),
        (("--url", "127.0.0.1:8000", "--user", "ann"), "is not an address"),
        (("--url", "http://scalpbot.example", "--user", "ann"), "the password would be sent unencrypted"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_before_anything_is_sent(
    terminal: Terminal, options: tuple[str, ...], why: str
) -> None:
    refused = terminal.run("list", *options, given=PASSWORD)
    assert (refused.code, why in refused.err) == (2, True), refused.err
    assert "secret" not in refused.err


def test_what_is_away_or_something_else_is_told_from_what_refuses(terminal: Terminal) -> None:
    (port,) = free_ports(1)
    away = terminal.run("list", "--url", f"http://127.0.0.1:{port}", "--user", "ann", given=PASSWORD)
    assert (away.code, f"http://127.0.0.1:{port} cannot be reached" in away.err) == (1, True)
    asked: list[str] = []

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<h1>It works!</h1>")

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_address[1]}"
        other = terminal.run("list", "--url", address, "--user", "ann", given=PASSWORD)
    finally:
        server.shutdown()
        server.server_close()
    assert (other.code, "is not a Scalp Bot" in other.err) == (2, True)
    # It was never sent the password.
    assert asked == ["/healthz"]


def test_an_answer_that_is_lost_is_asked_for_again_and_the_command_is_one(terminal: Terminal) -> None:
    with platform_and_api(terminal.database) as (desk, api), losing_answers(str(api.client.base_url)) as address:
        sent = terminal.run("send", "--no-wait", "PAUSE_ALL", "--url", address, "--user", "operator", given=PASSWORD)
        assert sent.out == "Command 1 PAUSE_ALL sent; see `scalpbot commands show 1`.\n"
        with desk.store.reading() as reader:
            assert len(reader.list_commands(Span(10), CommandFilter())) == 1


@contextmanager
def losing_answers(base: str) -> Iterator[str]:
    """Pass requests on, and lose the answer to the first command."""
    lost: list[str] = []

    class Between(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            kept = {name: self.headers[name] for name in ("content-type", "cookie") if name in self.headers}
            answer = httpx.request(self.command, base + self.path, content=body, headers=kept)
            if self.path == "/api/commands" and not lost:
                lost.append(self.path)
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            for name, value in answer.headers.multi_items():
                if name in ("content-type", "set-cookie", "location"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Between)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
    assert lost


def test_behind_tls_the_cookie_that_is_bound_to_it_works_and_plain_http_does_not(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with platform_and_api(terminal.database, behind_tls=True) as (_desk, api):
        plain = terminal.over(api, "list")
        assert (plain.code, "expects TLS" in plain.err) == (2, True)
    certificate = a_certificate(tmp_path)
    with platform_and_api(terminal.database, behind_tls=True, certificate=certificate) as (_desk, api):
        unknown = terminal.over(api, "list")
        assert (unknown.code, "certificate verify failed" in unknown.err) == (1, True)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert terminal.over(api, "send", "--no-wait", "PAUSE_ALL").code == 0
        assert json.loads(terminal.over(api, "list", "--json").out)[0]["actor"] == "operator"


def a_certificate(folder: Path) -> tuple[Path, Path]:
    """Return a certificate of this machine, signed by itself, and its key."""
    program = shutil.which("openssl")
    assert program is not None, "this test makes a certificate with the program openssl"
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    made = [program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    made += ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key
