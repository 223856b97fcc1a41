"""Backups that are taken while candles are traded, and what comes of those that go on from one."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from services.inspection.parity import check_parity
from shared.runtime.streams import ALL_ASSESSED
from shared.store.engine import sqlite_url
from shared.store.port import Store
from shared.store.sql.audit import verify_audit
from shared.store.sql_store import open_store
from tests.faults.equipment.postgres_copies import dump, restored
from tests.faults.outcome import Outcome, described, effects_of, missing
from tests.faults.played.embedded import embedded
from tests.faults.stage import CANDLES, PATIENCE_SECONDS, Scene, Script, Stage
from tests.fixtures.declared import declare
from tests.fixtures.new_store import new_sqlite

_SECONDS_EACH: Final = 1.5
# Their rows are written again: when a trade closes, and with every candle of a day.
_CHANGING_TABLES: Final = ("positions", "daily_stats", "trades")


def dumped(stage: Stage, times: int, *, goes_on: bool = True) -> list[Outcome]:
    """Dump the database of running services; judge the run, and where it `goes_on` services on the last dump."""
    with stage.scene(CANDLES) as scene:
        scene.pace = scene.script.pace_for(3.0 + _SECONDS_EACH * times)
        scene.start_all()
        scene.wait_for_trading()
        took, dumps = 0.0, []
        for number in range(times):
            dumps.append(scene.folder / f"{number}.dump")
            began = time.monotonic()
            dump(stage.postgres, scene.database, dumps[-1])
            took = max(took, time.monotonic() - began)
            scene.injected += 1
        scene.notes["slowest, seconds"] = took
        reached = scene.traded()
        assert reached < scene.script.candles, "the run was over before the last dump"
        run = scene.finished("backup", "pg_dump while services trade")
        copies = [restored(stage.postgres, each) for each in dumps]
        for copy in copies:
            with closing(open_store(stage.postgres.url(copy))) as store:
                _require_sound(scene.script, store)
    try:
        return [run, _went_on(stage, copies[-1])] if goes_on else [run]
    finally:
        for copy in copies:
            stage.postgres.delete_database(copy)


def _went_on(stage: Stage, database: str) -> Outcome:
    """Start services on a restored database, beside a broker that knows nothing."""
    vhost = stage.rabbit.new_vhost()
    declare(stage.rabbit.url(vhost))
    folder = stage.folder / database
    folder.mkdir()
    try:
        with Scene(stage, stage.script(CANDLES), folder, database, vhost, pace="max") as scene:
            scene.notes["candles in the dump"] = scene.traded()
            scene.injected += 1
            began = time.monotonic()
            scene.start_all()
            scene.recovered(began, "the restored database is traded on")
            return scene.finished("backup", "services started on a restored dump")
    finally:
        stage.rabbit.retire_vhost(vhost)


def copied(stage: Stage, times: int) -> list[Outcome]:
    """Copy the SQLite file under `up` with SQLite's own backup; judge the run, and `paper` that goes on from a copy."""
    script = stage.script(CANDLES)
    folder = stage.folder / f"copies_{time.monotonic_ns()}"
    folder.mkdir()
    database, log = folder / "up.db", folder / "up.log"
    new_sqlite(database)
    copies = [folder / f"copy_{number}.db" for number in range(times)]
    pace = script.pace_for(2.0 + _SECONDS_EACH * times / 2)
    with embedded(script, database, log, "up", "--feed", "replay", "--no-api", "--once", "--speed", pace) as up:
        for number, copy in enumerate(copies, start=1):
            share = script.candles * number // (times + 1)
            up.wait(lambda least=share: up.traded() >= least, f"{share} candles are traded")  # type: ignore[misc]
            _copy(database, copy)
        assert up.process.wait(PATIENCE_SECONDS) == 0, up.says()[-2_000:]
    with closing(open_store(sqlite_url(database))) as store:
        run = stage.judged(Outcome("backup", "SQLite's backup under `up`", times, 0, 0, ()), script, store)
    return [run, *(_called_on(stage, script, copy) for copy in copies)]


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)


def _called_on(stage: Stage, script: Script, copy: Path) -> Outcome:
    with closing(open_store(sqlite_url(copy))) as store:
        _require_sound(script, store)
        with store.reading() as reader:
            held = reader.cursor("executor", ALL_ASSESSED)
    with embedded(script, copy, copy.with_suffix(".log"), "paper") as paper:
        assert paper.process.wait(PATIENCE_SECONDS) == 0, paper.says()
    draft = Outcome("backup", "`paper` called on a copy", 1, 0, 0, (), notes={"candles in the copy": held})
    with closing(open_store(sqlite_url(copy))) as store:
        return stage.judged(draft, script, store)


def _require_sound(script: Script, store: Store) -> None:
    """Fail unless a copy is of one moment of the undisturbed run: sound, and without a row that this has not."""
    with store.reading() as reader:
        assert check_parity(reader, lambda _done: None).difference is None
        assert verify_audit(reader.audit_in_order()).ok
        found = effects_of(reader)
    lasting = {table: rows for table, rows in found.items() if table not in _CHANGING_TABLES}
    assert missing(lasting, script.effects) == 0, described(script.effects, found)
