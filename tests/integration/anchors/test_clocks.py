"""Audit records whose times go back are named by everything that verifies the log, which holds all the same."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from services.cli import main
from shared.store.engine import sqlite_url
from shared.store.port import Store
from shared.store.rows.audit import AuditEntry
from shared.store.sql_store import open_store
from tests.fixtures.anchored import NOON, anchor
from tests.fixtures.api import Api
from tests.fixtures.api_stores import quick_api
from tests.fixtures.new_store import new_sqlite

__all__ = ["quick_api"]

# Seconds after noon and what was done; trading goes by the market's time, here of weeks ago.
PUT_BACK: Final = (
    (0, "service.started"),
    (-2_000_000, "account.day_started"),
    (60, "session.opened"),
    (0, "session.closed"),
    (-3_000_000, "account.halted"),
    (-61, "service.started"),
    (3_600, "session.opened"),
    (5, "session.opened"),
)


def write(store: Store, told: tuple[tuple[int, str], ...]) -> int:
    """Append records and return the number of the first."""
    with store.transaction() as transaction:
        first = sum(row.id for row in transaction.audit(1)) + 1
        transaction.append_audit(
            [AuditEntry(NOON + at, actor="ann", action=action, command_id=None, detail={}) for at, action in told]
        )
    return first


def steps(first: int) -> list[dict[str, Any]]:
    times = {"time": "2023-11-14T22:12:19Z", "after_time": "2023-11-14T22:13:20Z"}
    later = {"time": "2023-11-14T22:13:25Z", "after_time": "2023-11-14T23:13:20Z"}
    return [
        {"id": first + 5, "after_id": first + 3, "seconds": 61, **times},
        {"id": first + 7, "after_id": first + 6, "seconds": 3_595, **later},
    ]


@pytest.fixture(name="database")
def database_(tmp_path: Path) -> Path:
    path = tmp_path / "paper.db"
    new_sqlite(path)
    return path


def test_times_that_go_back_are_warned_of_and_the_log_holds(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(open_store(sqlite_url(database))) as store:
        write(store, PUT_BACK)
        anchor(store, database.with_name("paper.anchors.jsonl"))
    asked = ["audit", "verify", "--db", str(database)]
    assert main(asked) == 0
    assert (
        "Times go back by more than 60 s at 2 records, first at record 6: 2023-11-14T22:12:19Z, 61 s before record 4; "
        "then at 8. A clock was put back, or clocks differ." in " ".join(capsys.readouterr().out.split())
    )
    assert main([*asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["times_go_back"]) == (True, {"count": 2, "records": steps(1)})


def test_of_times_in_order_nothing_is_said(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(open_store(sqlite_url(database))) as store:
        write(store, PUT_BACK[:5])
        anchor(store, database.with_name("paper.anchors.jsonl"))
    assert main(["audit", "verify", "--db", str(database)]) == 0
    assert "Times go back" not in capsys.readouterr().out


def test_the_first_twenty_are_named_and_all_are_counted(quick_api: Api) -> None:
    first = write(quick_api.store, PUT_BACK)
    found = quick_api.get("/api/audit/verify").json()
    assert (found["ok"], found["times_go_back"]) == (True, {"count": 2, "records": steps(first)})
    write(quick_api.store, ((600, "session.opened"), (0, "session.opened")) * 30)
    back = quick_api.get("/api/audit/verify").json()["times_go_back"]
    assert (back["count"], len(back["records"])) == (32, 20)
