"""What the platform keeps in files is for their owner alone, whatever the umask of who runs it."""

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.cli import main
from services.inspection.doctor.findings import CheckResult
from shared.store.engine import sqlite_url
from shared.store.file_lock import locked_file
from shared.store.schema import upgrade
from shared.store.sql_store import open_store
from tests.fixtures.anchored import anchor, write
from tests.fixtures.examined import examined, simulated
from tests.fixtures.paper import SAMPLE


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.is_file()}


def test_what_lies_beside_a_database_is_as_private_as_it(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "paper.db")
    upgrade(url)
    with closing(open_store(url)) as store, locked_file(url):
        write(store, 1)
        anchor(store, tmp_path / "paper.anchors.jsonl")
        found = modes(tmp_path)
    assert found == dict.fromkeys(
        ("paper.db", "paper.db-wal", "paper.db-shm", "paper.db.lock", "paper.anchors.jsonl"), 0o600
    )


def test_a_paper_run_leaves_nothing_that_others_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["paper", "--csv", str(SAMPLE / "EUR_USD_M5_sample.csv")]) == 0
    found = modes(tmp_path / "data")
    assert {"paper_trading.db", "paper_trading.db.lock", "paper_trading.anchors.jsonl"} <= set(found)
    assert set(found.values()) == {0o600}


def test_a_database_that_was_opened_to_others_stays_so_and_is_told(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "paper.db")
    upgrade(url)
    with simulated() as simulator:
        assert examined(simulator, url)["file modes"].verdict is CheckResult.OK
        (tmp_path / "paper.db").chmod(0o640)
        upgrade(url)
        told = examined(simulator, url)["file modes"]
    assert told.verdict is CheckResult.WARNING
    # What SQLite keeps beside it while it is open is named too.
    assert f"chmod 600 {tmp_path / 'paper.db'}" in told.sentence
