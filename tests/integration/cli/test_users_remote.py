"""The verbs `users ...` with `--url`: through an API, as an admin who signs in for it."""

import io
import json
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from services.cli.program import main
from shared.store.sql_store import open_store
from tests.fixtures.api import PASSWORD, Api, running
from tests.fixtures.new_store import new_sqlite

NEW = "tulip gravel orbit 31"


class Said(NamedTuple):
    """How a verb ended, and what it wrote."""

    code: int
    out: str
    err: str


class Terminal:
    """Somebody who types verbs."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def over(self, api: Api, *arguments: str, user: str = "admin", then: str = "") -> Said:
        self._capsys.readouterr()
        self._monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n{then}\n"))
        code = main(["users", *arguments, "--url", str(api.client.base_url), "--user", user])
        said = self._capsys.readouterr()
        assert not any(secret in said.out + said.err for secret in (PASSWORD, NEW))
        return Said(code, said.out, said.err)


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    monkeypatch.chdir(tmp_path)
    return Terminal(capsys, monkeypatch)


def test_users_are_changed_through_the_api(terminal: Terminal, tmp_path: Path) -> None:
    url = new_sqlite(tmp_path / "paper.db")
    with closing(open_store(url)) as store, running(store) as api:
        added = terminal.over(api, "add", "ann", "--role", "operator", then=NEW)
        assert added == (0, "ann may now sign in as operator.\n", "")
        assert terminal.over(api, "passwd", "ann", then=f"{NEW}2").code == 0
        assert terminal.over(api, "role", "ann", "--role", "viewer").code == 0
        assert terminal.over(api, "disable", "ann").code == 0
        listed = terminal.over(api, "list", "--json")
        ann = next(row for row in json.loads(listed.out) if row["name"] == "ann")
        assert (ann["role"], ann["disabled"]) == ("viewer", True)
        assert terminal.over(api, "enable", "ann").code == 0
        for arguments, then, part in (
            (("add", "ann"), NEW, "there is a user 'ann' already"),
            (("add", "bob"), "changeme-changeme", "too easy to guess"),
            (("disable", "dave"), "", "there is no user 'dave'"),
            (("disable", "a/b"), "", "does not exist"),
            (("disable", "admin"), "", "'admin' is the last admin"),
        ):
            refused = terminal.over(api, *arguments, then=then)
            assert (refused.code, refused.out) == (2, "")
            assert part in refused.err
        assert "operator is refused" in terminal.over(api, "list", user="operator").err
        with store.reading() as reader:
            actors = {row.actor for row in reader.audit_in_order() if row.action.startswith("user.")}
        assert actors == {"admin", "tests"}


def test_options_that_contradict_each_other_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["users", "list", "--url", "http://127.0.0.1:1", "--user", "ann", "--db", "x.db"]) == 2
    assert "--url cannot be combined with --db" in capsys.readouterr().err
    assert main(["users", "list", "--user", "ann"]) == 2
    assert "--user needs --url" in capsys.readouterr().err
