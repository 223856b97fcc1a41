"""Commands and trades are compared with what the audit log tells of them, by the verb and by the API's own check."""

import json
import math
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from services.cli import main
from shared.anchors.audit_trail import AuditTrail
from shared.anchors.examined import examined
from shared.anchors.places import KnownAnchors, lacking
from shared.contracts.commands import parse_command
from shared.runtime.commands import CLAIMED, STARTED, send_command
from shared.store.engine import sqlite_url
from shared.store.port import Store
from shared.store.rows.audit import AuditEntry
from shared.store.rows.commands import NewCommand
from shared.store.sql.audit import verify_audit
from shared.store.sql_store import open_store
from tests.fixtures.anchored import NOON, anchor, write
from tests.fixtures.commanded import commanded, plain_sql
from tests.fixtures.new_store import new_sqlite

PLAIN = (
    "INSERT INTO commands (created_ts_utc, actor, type, payload_json, status) VALUES "
    "('2026-01-05T12:00:00Z', 'ghost', 'PAUSE_ALL', '{}', '{}')"
)

MADE_UP = (
    "INSERT INTO trades SELECT 'made up', number + 100, pair, strategy, side, units, entry_time, entry_price, "
    "stop_loss, take_profit, signal_time, spread_cost, slippage_cost, status, exit_time, exit_price, exit_reason, "
    "pnl_pips, pnl, ambiguous FROM trades WHERE number = 1"
)


@pytest.fixture(name="database", scope="module")
def database_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database in which was traded, and commands of every kind of end were carried out."""
    path = tmp_path_factory.mktemp("traded") / "paper.db"
    with commanded(sqlite_url(path)) as desk:
        desk.ordered("PAUSE_PAIR", pair="EUR_USD")
        plain_sql(path, PLAIN.format("{}", "PENDING"))
        plain_sql(path, PLAIN.format("{", "PENDING"))
        desk.obey()
        assert desk.ordered("CLOSE_ALL")[0] == "SKIPPED"
        desk.ordered("RESUME_ALL", reason="lunch is over")
        desk.trade_until(lambda: desk.trades() > 3 and bool(desk.open_pairs()), step=1)
        assert len(desk.ordered("CLOSE_ALL")[1]["closed"]) == 1
        desk.trade_until(lambda: bool(desk.open_pairs()), step=1)
        assert len(desk.ordered("KILL_SWITCH_ON")[1]["closed"]) == 1
        plain_sql(path, PLAIN.format("{}", "PENDING"))
    return path


def difference(store: Store) -> str:
    trail = AuditTrail()
    with store.reading() as reader:
        assert verify_audit(trail.passing(reader.audit_in_order())).ok
        return trail.difference(reader)


def copy_of(database: Path, folder: Path, statement: str) -> Path:
    copied = folder / "copy.db"
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copied)) as target:
        source.backup(target)
        for name in ("update", "delete"):
            target.execute(f"DROP TRIGGER trades_refuses_{name}")
        target.execute(statement)
        target.commit()
    return copied


def test_what_was_done_is_as_the_log_tells(database: Path) -> None:
    with closing(open_store(sqlite_url(database))) as store:
        assert difference(store) == ""


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE commands SET type = 'PAUSE_ALL', payload_json = '{}' WHERE id = 1", "command 1 is not the one"),
        ("UPDATE commands SET actor = 'ghost' WHERE id = 1", "command 1 is not the one that was sent"),
        (
            "UPDATE commands SET payload_json = replace(payload_json, 'lunch', 'hunch') WHERE type = 'RESUME_ALL'",
            "is not the one that was sent",
        ),
        ("UPDATE commands SET actor = 'nobody' WHERE id = 2", "command 2 is not the one that was claimed"),
        ('UPDATE commands SET payload_json = \'{"pair":"USD_JPY"}\' WHERE id = 1', "command 1 is not the one"),
        ("UPDATE commands SET status = 'FAILED' WHERE id = 1", "command 1 is FAILED, but SUCCEEDED in the log"),
        ("UPDATE commands SET result_json = '{}' WHERE id = 1", "command 1 has another result than in the log"),
        ("UPDATE commands SET status = 'PENDING', result_json = NULL WHERE id = 1", "command 1 is PENDING"),
        ("DELETE FROM commands WHERE id = 1", "command 1, which record"),
        (PLAIN.format("{}", "SUCCEEDED"), "is SUCCEEDED, but the log has no record of it"),
        (PLAIN.format("{}", "RUNNING"), "is RUNNING, but the log has no record of it"),
        ("UPDATE trades SET pnl = '1000.0000' WHERE number = 1", "was closed differently from what the log says"),
        ("UPDATE trades SET units = units + 1 WHERE number = 1", "was opened differently from what the log says"),
        ("UPDATE trades SET strategy = 'other' WHERE number = 1", "was opened differently from what the log says"),
        ("DELETE FROM trades WHERE number = 2", "which the log records, is missing"),
        (MADE_UP, "the log has no record of trade made up"),
    ],
)
def test_a_row_that_was_changed_behind_the_log_is_named(
    tmp_path: Path, database: Path, capsys: pytest.CaptureFixture[str], statement: str, why: str
) -> None:
    copied = copy_of(database, tmp_path, statement)
    with closing(open_store(sqlite_url(copied))) as store:
        anchor(store, tmp_path / "copy.anchors.jsonl")
    assert main(["audit", "verify", "--db", str(copied), "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["first_bad_id"], told["anchors_lack"], told["anchors"]["first_bad"]) == (
        False,
        None,
        "",
        None,
    )
    assert why in told["differs"]


def test_a_log_and_tables_that_agree_with_their_anchors_are_in_order(
    tmp_path: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = copy_of(database, tmp_path, "SELECT 1")
    with closing(open_store(sqlite_url(copied))) as store:
        anchor(store, tmp_path / "copy.anchors.jsonl")
    assert main(["audit", "verify", "--db", str(copied), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"]


@pytest.mark.parametrize("given", ["option", "variable", "beside"])
@pytest.mark.parametrize("content", [None, ""])
def test_anchors_that_are_not_there_are_no_proof(
    tmp_path: Path,
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: str,
    content: str | None,
) -> None:
    copied = copy_of(database, tmp_path, "SELECT 1")
    anchors = tmp_path / ("copy.anchors.jsonl" if given == "beside" else "other.jsonl")
    if content is not None:
        anchors.write_text(content, encoding="utf-8")
    if given == "variable":
        monkeypatch.setenv("AUDIT_ANCHOR_PATH", str(anchors))
    assert (
        main(["audit", "verify", "--db", str(copied), *(["--anchors", str(anchors)] if given == "option" else [])]) == 3
    )
    assert "cannot be checked" in capsys.readouterr().out


def test_a_new_log_may_wait_for_its_first_anchor() -> None:
    known = KnownAnchors(Path("anchors.jsonl"), None)
    began, at = "2026-01-05T12:00:00Z", 1_767_614_400
    assert lacking(known, None, None, at) == ""
    assert lacking(known, None, began, at + 899) == ""
    assert "anchors.jsonl is missing" in lacking(known, None, began, at + 900)
    assert lacking(KnownAnchors(None, None), None, began, at + 900) == ""


@pytest.fixture(name="waiting")
def waiting_(tmp_path: Path) -> Path:
    """Return a database with two commands that were sent and wait, the second a minute later, and one that runs."""
    path = tmp_path / "waiting.db"
    with closing(open_store(new_sqlite(path))) as store, store.transaction() as transaction:
        for time in (NOON, NOON + 60, NOON + 120):
            sent = NewCommand(time, "ann", "PAUSE_ALL", "{}")
            send_command(transaction, parse_command("PAUSE_ALL", "{}"), sent)
        claimed = transaction.claim_command("executor", NOON + 180)
        assert claimed is not None
        asked = {"type": claimed.type, "payload": claimed.payload_json, "actor": claimed.actor}
        for action, detail in ((CLAIMED, {"by": "executor", **asked}), (STARTED, {"mode": "PAPER", "pair": None})):
            transaction.append_audit([AuditEntry(NOON + 180, "executor", action, claimed.id, detail)])
    return path


def test_commands_on_their_way_are_as_the_log_tells(waiting: Path) -> None:
    with closing(open_store(sqlite_url(waiting))) as store:
        assert difference(store) == ""


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE commands SET status = 'PENDING' WHERE id = 1", "command 1 is PENDING, but the log does not say so"),
        ("UPDATE commands SET status = 'RUNNING' WHERE id = 2", "command 2 is RUNNING, but the log does not say so"),
        ("UPDATE commands SET status = 'FAILED' WHERE id = 1", "command 1 is FAILED, but the log does not say so"),
        ("UPDATE commands SET type = 'NONSENSE' WHERE id = 2", "command 2 is not the one that was sent"),
    ],
)
def test_a_command_on_its_way_that_was_moved_is_named(waiting: Path, statement: str, why: str) -> None:
    plain_sql(waiting, statement)
    with closing(open_store(sqlite_url(waiting))) as store:
        assert difference(store) == why


def test_a_command_too_long_for_the_log_is_compared_as_far_as_that_tells(tmp_path: Path) -> None:
    path = tmp_path / "paper.db"
    with commanded(sqlite_url(path)) as desk:
        plain_sql(path, PLAIN.format(f'{{"more":"{"x" * 2_000}"}}', "PENDING"))
        desk.obey()
        assert difference(desk.store) == ""


def test_one_record_is_log_enough_to_need_an_anchor(waiting: Path) -> None:
    known = KnownAnchors(waiting.with_suffix(".jsonl"), None)
    with closing(open_store(new_sqlite(waiting.with_name("short.db")))) as store:
        write(store, 1)
        with store.reading() as reader:
            assert "is missing" in examined(reader, known, None, math.inf).lacks
