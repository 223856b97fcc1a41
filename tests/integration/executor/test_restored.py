"""A database older than its anchors holds all entries until somebody accepts it, on either database."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path

import pytest

from services.cli import main
from services.executor.restored import hold_where_restored, proven
from shared.contracts.commands import parse_command
from shared.core.types import REASON_NAMES
from shared.runtime.commands import send_command
from shared.runtime.consumer import no_fence
from shared.runtime.process import Process
from shared.settings.environment import RuntimeSettings
from shared.settings.keys import private_text
from shared.settings.settings import load_settings
from shared.store.port import Store
from shared.store.rows.commands import HoldRow, NewCommand
from shared.store.rows.users import NewSession, SessionTimes
from shared.store.sql.audit import verify_audit
from shared.store.sql_store import open_store
from tests.contract.store_users_contract import HASH
from tests.fixtures.anchored import KEY, NOON, OTHER_KEY, Watch, anchor, around_with, tamper, write
from tests.fixtures.commanded import commanded
from tests.fixtures.deployed import wait_until
from tests.fixtures.new_store import new_sqlite
from tests.published import published

KEPT = 3


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty store of each kind."""
    if request.param == "postgres":
        given: str = request.getfixturevalue("postgres_url")
        return given
    return new_sqlite(tmp_path / "paper.db")


@pytest.fixture
def anchors(tmp_path: Path) -> Path:
    return tmp_path / "volume" / "anchors.jsonl"


@pytest.fixture
def environ(tmp_path: Path, anchors: Path) -> dict[str, str]:
    return {"AUDIT_ANCHOR_PATH": str(anchors), "AUDIT_ANCHOR_KEY": private_text(KEY)}


@pytest.fixture
def runtime(environ: dict[str, str]) -> RuntimeSettings:
    return load_settings(None, environ).runtime


def restored(store: Store, url: str, anchors: Path) -> None:
    """Write records, anchor them, and take the newest away again, as a copy of before would not have them."""
    write(store, KEPT + 2)
    anchor(store, anchors)
    tamper(url, lambda rows: rows[:KEPT])


def holds(store: Store) -> list[HoldRow]:
    with store.reading() as reader:
        return reader.holds()


def send(store: Store, type_name: str) -> int:
    with store.transaction() as transaction:
        new = NewCommand(NOON, "ann", type_name, "{}")
        return send_command(transaction, parse_command(type_name, "{}"), new).row.id


def sign_in(store: Store, token: str) -> None:
    with store.transaction() as transaction:
        user = transaction.add_user(f"user of {token}", "operator", HASH)
        session = NewSession(token * 64, token, user, "192.0.2.7")
        transaction.open_session(session, SessionTimes(idle=60, longest=60, confirmed=60))


def is_signed_in(store: Store, token: str) -> bool:
    with store.reading() as reader:
        return reader.session(token * 64) is not None


def test_entries_are_held_and_what_came_back_to_life_is_ended(
    url: str, anchors: Path, runtime: RuntimeSettings
) -> None:
    log = StringIO()
    process = around_with(Watch(), log)
    process.health.has("start")
    with closing(open_store(url)) as store:
        restored(store, url, anchors)
        sign_in(store, "a")
        resume = send(store, "RESUME_ALL")
        hold_where_restored(process, store, runtime, url)
        (hold,) = holds(store)
        assert (hold.scope, hold.kind, hold.actor) == ("ALL", "restored", "system")
        with store.reading() as reader:
            skipped = reader.command(resume)
            assert skipped is not None
            assert (skipped.status, json.loads(skipped.result_json or "{}")["reason"]) == ("SKIPPED", "restored")
            assert [row.action for row in reader.audit(10)][:3] == ["hold.set", "restore.found", "command.completed"]
            assert verify_audit(reader.audit_in_order()).ok
        assert not is_signed_in(store, "a")
        # Another start finds it held, and ends nothing once more.
        waiting = send(store, "PAUSE_ALL")
        hold_where_restored(process, store, runtime, url)
        assert len(holds(store)) == 1
        with store.reading() as reader:
            assert (reader.command(waiting) or skipped).status == "PENDING"
    assert list(process.health.missing()) == ["accept-restore"]
    assert "entries on all pairs are held since " in process.health.missing()["accept-restore"]
    assert "database restored" in log.getvalue()
    assert f"record {KEPT + 2}" in log.getvalue()
    assert process.metrics.registry.get_sample_value("scalpbot_database_restored") == 1


def test_a_run_on_a_restored_database_enters_nothing_from_its_first_candle_on(
    url: str, anchors: Path, environ: dict[str, str], runtime: RuntimeSettings
) -> None:
    with commanded(url, environ=environ) as desk:
        restored(desk.store, url, anchors)
        process = around_with(Watch(), StringIO())
        with proven(process, desk.store, runtime, url, no_fence):
            # Not only once the thread of the anchors has looked: a candle may come before that.
            assert [hold.kind for hold in holds(desk.store)] == ["restored"]
            desk.trade(len(desk.waiting))
        assert desk.trades() == 0
        with desk.store.reading() as reader:
            assert [row for row in reader.gate_snapshots(2_000) if REASON_NAMES[row.reason] == "hold"]


@pytest.mark.parametrize("why", ["other key", "damaged", "forged"])
def test_anchors_that_cannot_be_of_this_database_hold_entries_too(
    tmp_path: Path, anchors: Path, runtime: RuntimeSettings, why: str
) -> None:
    url = new_sqlite(tmp_path / "paper.db")
    with closing(open_store(url)) as store:
        write(store, KEPT)
        anchor(store, anchors, OTHER_KEY if why == "other key" else KEY)
        text = anchors.read_text(encoding="utf-8")
        if why == "damaged":
            anchors.write_text(text + "what is this\n", encoding="utf-8")
        elif why == "forged":
            anchors.write_text(text.replace('"audit_id":3', '"audit_id":2'), encoding="utf-8")
        hold_where_restored(around_with(Watch(), StringIO()), store, runtime, url)
        assert [hold.kind for hold in holds(store)] == ["restored"]


@pytest.mark.parametrize("case", ["fits", "no anchors", "unfinished"])
def test_a_database_that_its_anchors_saw_is_traded(
    tmp_path: Path, anchors: Path, runtime: RuntimeSettings, case: str
) -> None:
    url = new_sqlite(tmp_path / "paper.db")
    with closing(open_store(url)) as store:
        write(store, KEPT)
        if case != "no anchors":
            anchor(store, anchors)
            write(store, 1)
        if case == "unfinished":
            anchors.write_bytes(anchors.read_bytes() + b'{"serial":2,"ti')
        hold_where_restored(around_with(Watch(), StringIO()), store, runtime, url)
        assert holds(store) == []


def test_a_log_that_is_cut_off_while_it_is_traded_holds_entries_with_the_next_anchor(
    url: str, anchors: Path, runtime: RuntimeSettings
) -> None:
    with closing(open_store(url)) as store:
        write(store, KEPT + 2)
        process = around_with(Watch(), log := StringIO())
        with proven(process, store, runtime, url, no_fence):
            wait_until(lambda: anchors.exists() and anchors.read_bytes().endswith(b"\n"), 10, "it is anchored")
            assert holds(store) == []
            tamper(url, lambda rows: rows[:KEPT])
        # The last anchor is due when the run ends.
        assert [(hold.kind, hold.actor) for hold in holds(store)] == [("restored", "system")]
    assert '"event": "database restored"' in log.getvalue()


def test_the_anchors_of_a_new_file_stay_though_nothing_was_recorded_yet(tmp_path: Path) -> None:
    url, runtime = new_sqlite(tmp_path / "paper.db"), RuntimeSettings()
    log = StringIO()
    with closing(open_store(url)) as store:
        for _ in range(2):
            with proven(around_with(Watch(), log), store, runtime, url, no_fence):
                pass
        write(store, 1)
        with proven(around_with(Watch(), log), store, runtime, url, no_fence):
            assert holds(store) == []
    assert "set aside" not in log.getvalue()
    assert [path.name for path in tmp_path.glob("*.jsonl")] == ["paper.anchors.jsonl"]


def test_the_anchors_of_a_deleted_file_are_set_aside_where_a_new_one_begins(tmp_path: Path) -> None:
    """Beside an SQLite file, where nobody chose a place for them."""
    url = new_sqlite(tmp_path / "paper.db")
    beside = tmp_path / "paper.anchors.jsonl"
    with closing(open_store(url)) as store:
        write(store, KEPT)
        anchor(store, beside)
    url = new_sqlite(tmp_path / "paper.db")
    with closing(open_store(url)) as store:
        log = StringIO()
        hold_where_restored(around_with(Watch(), log), store, load_settings(None, {}).runtime, url)
        assert holds(store) == []
    assert "the anchors of another database were set aside" in log.getvalue()
    assert not beside.exists()
    assert len(list(tmp_path.glob("paper.anchors.until-*.jsonl"))) == 1


@contextmanager
def accepting(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> Iterator[None]:
    with monkeypatch.context() as within:
        for name, value in environ.items():
            within.setenv(name, value)
        yield


def test_accepting_keeps_the_kill_switch_on_and_begins_new_anchors(
    url: str,
    anchors: Path,
    environ: dict[str, str],
    runtime: RuntimeSettings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with closing(open_store(url)) as store:
        restored(store, url, anchors)
        hold_where_restored(around_with(Watch(), StringIO()), store, runtime, url)
        sign_in(store, "b")
        send(store, "RESUME_ALL")
        with accepting(monkeypatch, environ):
            assert main(["db", "accept-restore", "--db", url, "--json"]) == 0
            told = published("db accept-restore", capsys.readouterr().out)
            assert main(["audit", "verify", "--db", url]) == 0
            assert main(["db", "accept-restore", "--db", url]) == 2
        assert "nothing to accept" in capsys.readouterr().err
        assert (told["commands_skipped"], told["sessions_ended"], told["kill_switch_was_on"]) == (1, 1, False)
        assert told["anchors_begun"]
        assert Path(told["anchors_kept_as"]).read_bytes().count(b"\n") == 1
        assert [(hold.kind, hold.scope) for hold in holds(store)] == [("kill_switch", "ALL")]
        assert not is_signed_in(store, "b")
        with store.reading() as reader:
            accepted = reader.audit(1)[0]
            assert accepted.action == "restore.accepted"
            assert json.loads(accepted.detail_json)["anchors_kept_as"] == told["anchors_kept_as"]
            assert verify_audit(reader.audit_in_order()).ok
        hold_where_restored(around_with(Watch(), StringIO()), store, runtime, url)
        assert [hold.kind for hold in holds(store)] == ["kill_switch"]


def test_a_database_is_accepted_also_before_anybody_has_traded_in_it(
    tmp_path: Path, anchors: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_sqlite(tmp_path / "paper.db")
    with closing(open_store(url)) as store:
        restored(store, url, anchors)
        with accepting(monkeypatch, environ):
            assert main(["db", "accept-restore", "--db", url]) == 0
        assert [hold.kind for hold in holds(store)] == ["kill_switch"]


def test_no_entry_comes_through_until_the_switch_is_released_and_the_ledger_replays(
    tmp_path: Path, anchors: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_sqlite(tmp_path / "paper.db")
    process: Process = around_with(Watch(), StringIO())
    with commanded(url) as desk:
        write(desk.store, 5)
        anchor(desk.store, anchors)
        tamper(url, lambda rows: rows[:2])
        hold_where_restored(process, desk.store, load_settings(None, environ).runtime, url)
        for type_name in ("RESUME_ALL", "KILL_SWITCH_OFF"):
            assert desk.ordered(type_name)[0] == "SUCCEEDED"
        desk.trade(700)
        assert desk.trades() == 0
        with accepting(monkeypatch, environ):
            assert main(["db", "accept-restore", "--db", url]) == 0
        desk.obey()
        desk.trade(100)
        assert desk.trades() == 0
        assert desk.ordered("KILL_SWITCH_OFF")[0] == "SUCCEEDED"
        desk.trade_until(lambda: desk.trades() > 0)
