"""Pruning on SQLite: nothing that counts is lost, what is left can be proven, and the platform goes on as before."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from services.inspection.checkpoint import checkpoint_of
from services.inspection.parity import check_parity
from services.upkeep.prune import Hands, Plan, prune
from shared.core.types import QUANTA_PER_UNIT
from shared.runtime.param_versions import save_params, section_of
from shared.settings.settings import Settings
from shared.store.engine import sqlite_url
from shared.store.port import Store
from shared.store.rows.pruning import REPLAYED, Old
from shared.store.sql_store import open_store
from tests.faults.equipment.small_disk import SmallDisk
from tests.fixtures.commanded import commanded, plain_sql, require_sound
from tests.fixtures.new_store import new_sqlite
from tests.fixtures.paper import NOON, SAMPLE
from tests.integration.executor.test_quotes import trade as trade_with_quotes
from tests.integration.upkeep.kept import killed_at, require_proven, traded
from tests.servers.errors import UnavailableError
from tests.tools.beside import trading
from tests.verbs import Run, answer, run_

__all__ = ["run_"]

LEDGER = ("trades", "positions", "account_events", "daily_stats", "applied_quotes", "commands", "holds", "settings")
SILENT: tuple[Callable[[int], None], Callable[[int], None]] = (lambda _done: None, lambda _done: None)


def rows_of(database: str | Path, *tables: str) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(database)) as connection:
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}


def prune_to(store: Store, seq: int) -> None:
    """Prune everything up to the place of a candle."""
    with store.reading() as reader:
        old = [Old(table, seq, 0) for table in REPLAYED]
        before = checkpoint_of(reader)
        rows = {each.table: reader.count_old(each) for each in old}
    plan = Plan(old=old, rows=rows, until=seq, candles=seq - (0 if before is None else before.seq))
    done = prune(store, plan, Hands("ann", lambda: NOON), SILENT)
    assert done.difference is None
    assert done.rows == rows


def test_old_rows_go_and_the_ledger_and_its_proof_stay(run: Run) -> None:
    trade_hash = traded(run, "x.db")
    ledger = rows_of("x.db", *LEDGER)
    size = Path("x.db").stat().st_size
    told = answer(run, "db", "prune", "--older-than", "2d", "--yes", "--db", "x.db")
    assert told["ok"] is True
    assert told["bytes_after"] == Path("x.db").stat().st_size < told["bytes_before"] == size
    assert told["deleted"]["candles"] == told["deleted"]["assessments"] == told["deleted"]["gate_snapshots"] > 0
    assert rows_of("x.db", *LEDGER) == ledger
    proven = require_proven(run, "x.db")
    assert proven["trade_hash"] == trade_hash
    assert proven["checkpoint"]["from_time"] == told["proven_until_time"]
    assert proven["checkpoint"]["audit_id"] == told["audit_id"]
    sizes = {each["table"]: each for each in answer(run, "db", "size", "--db", "x.db")["tables"]}
    assert sizes["candles"]["oldest_time"] == told["proven_until_time"]
    assert sizes["candles"]["rows"] == proven["candles"]
    _, output, _ = run("parity", "--db", "x.db")
    assert f"Replayed from {told['proven_until_time']} on" in output
    newest = json.loads(run("audit", "tail", "--limit", "1", "--json", "--db", "x.db")[1])[0]
    assert newest["action"] == "database.pruned"
    assert newest["detail"]["rows"]["candles"] == told["deleted"]["candles"]


def test_a_pruned_platform_goes_on_to_the_same_trades(run: Run) -> None:
    undisturbed = traded(run, "whole.db")
    for candles in (600, 900, 1_200, 1_500):
        traded(run, "x.db", candles=candles)
        answer(run, "db", "prune", "--older-than", "1d", "--yes", "--db", "x.db")
        require_proven(run, "x.db")
    assert traded(run, "x.db") == undisturbed
    assert require_proven(run, "x.db")["candles"] < require_proven(run, "whole.db")["candles"]


def test_verbs_know_of_a_pair_that_stopped_long_ago_and_of_what_was_pruned(run: Run) -> None:
    traded(run, "x.db", candles=300)
    late = Path("USD_JPY_late.csv")
    lines = (SAMPLE / "USD_JPY_M5_sample.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    late.write_text("".join([lines[0], *lines[400:1_600]]), encoding="utf-8")
    assert run("paper", "--csv", f"USD_JPY={late}", "--db", "x.db")[0] == 0
    before = answer(run, "status", "--db", "x.db")
    answer(run, "db", "prune", "--older-than", "1d", "--yes", "--db", "x.db")
    assert answer(run, "status", "--db", "x.db") == before
    require_proven(run, "x.db")
    assert "Gate funnel (" in run("paper", "--csv", f"USD_JPY={late}", "--db", "x.db")[1]
    code, _, errors = run("why", "USD_JPY", "2024-03-05T12:00:00Z", "--db", "x.db")
    assert (code, "was pruned" in errors) == (2, True), errors
    assert run("why", "EUR_USD", before["newest_candles"]["EUR_USD"], "--db", "x.db")[0] == 0


def test_nothing_is_deleted_that_was_not_asked_for(run: Run) -> None:
    traded(run, "x.db", candles=900)
    before = rows_of("x.db", "candles", "equity", "audit_log")
    told = answer(run, "db", "prune", "--older-than", "1d", "--dry-run", "--db", "x.db")
    assert (told["dry_run"], told["rows"] > 0) == (True, True)
    for arguments, words in {
        ("--older-than", "1d"): "--yes",
        ("--older-than", "soon", "--yes"): "is no age",
        ("--older-than", "0d", "--yes"): "is no age",
        ("--older-than", "1d", "--table", "trades", "--yes"): "cannot be pruned",
        ("--yes",): "the settings keep everything",
    }.items():
        code, output, errors = run("db", "prune", *arguments, "--db", "x.db", "--json")
        assert (code, words in errors, output) == (2, True, ""), errors
    assert rows_of("x.db", "candles", "equity", "audit_log") == before
    answer(run, "db", "prune", "--older-than", "1d", "--table", "assessments", "--yes", "--db", "x.db")
    assert rows_of("x.db", "candles", "equity") == {name: before[name] for name in ("candles", "equity")}
    require_proven(run, "x.db")


@pytest.mark.parametrize(("phase", "share"), [(1, 0.5), (2, 0.0), (2, 0.5), (2, 0.9)])
def test_a_prune_that_is_killed_is_taken_up_by_the_next_one(run: Run, tmp_path: Path, phase: int, share: float) -> None:
    trade_hash = traded(run, "x.db")
    killed_at(phase, share, tmp_path, "db", "prune", "--older-than", "1d", "--yes", "--db", "x.db")
    assert require_proven(run, "x.db")["trade_hash"] == trade_hash
    answer(run, "db", "prune", "--older-than", "1d", "--yes", "--db", "x.db")
    left = require_proven(run, "x.db")["candles"]
    assert {len(rows) for rows in rows_of("x.db", "candles", "assessments", "gate_snapshots").values()} == {left}


def test_a_ledger_that_differs_from_its_replay_is_kept_as_it_is(run: Run) -> None:
    traded(run, "x.db", candles=900)
    plain_sql(Path("x.db"), "UPDATE gate_snapshots SET reason = 'hold' WHERE seq = 100")
    before = rows_of("x.db", "candles", "audit_log", "snapshots")
    code, output, _ = run("db", "prune", "--older-than", "1d", "--yes", "--json", "--db", "x.db")
    told = json.loads(output)
    assert (code, told["ok"], sum(told["deleted"].values())) == (3, False, 0)
    assert "verdicts" in told["difference"]
    assert rows_of("x.db", "candles", "audit_log", "snapshots") == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE snapshots SET body_json = replace(body_json, '1', '2') WHERE service = 'upkeep'",
        "UPDATE snapshots SET seq = seq - 1, body_json = replace(body_json, '[', '[1') WHERE service = 'upkeep'",
        "UPDATE snapshots SET body_json = '{}' WHERE service = 'upkeep'",
        "DELETE FROM snapshots WHERE service = 'upkeep'",
        "UPDATE trades SET pnl = '1.0000' WHERE number = 1",
        "DELETE FROM trades WHERE number = 1",
    ],
)
def test_parity_notices_what_was_changed_of_before_the_prune(run: Run, statement: str) -> None:
    traded(run, "x.db")
    answer(run, "db", "prune", "--older-than", "1d", "--yes", "--db", "x.db")
    for trigger in ("trades_refuses_update", "trades_refuses_delete"):
        plain_sql(Path("x.db"), f"DROP TRIGGER {trigger}")
    plain_sql(Path("x.db"), statement)
    code, output, _ = run("parity", "--json", "--db", "x.db")
    told = json.loads(output)
    assert (code, told["ok"]) == (3, False)
    assert told["difference"]


def test_a_platform_at_full_speed_goes_on_while_it_is_pruned(run: Run, tmp_path: Path) -> None:
    with trading(tmp_path) as database:
        told = answer(run, "db", "prune", "--older-than", "1d", "--yes", "--db", str(database))
        assert "somebody trades in it" in told["not_given_back"]
        answer(run, "db", "prune", "--older-than", "1d", "--yes", "--db", str(database))
    require_proven(run, str(database))


def test_a_disk_without_room_for_a_new_file_keeps_the_old_one(run: Run) -> None:
    try:
        disk = SmallDisk(24)
    except UnavailableError as fault:
        pytest.skip(f"left out: {fault}")
    with disk:
        database = str(disk.folder / "x.db")
        traded(run, database)
        disk.fill(leaving=4_500_000)
        told = answer(run, "db", "prune", "--older-than", "14d", "--yes", "--db", database)
        assert "bytes of the disk" in told["not_given_back"]
        assert told["free_bytes"] > 0
        disk.free()
        require_proven(run, database)


def test_every_candle_of_a_run_with_live_quotes_can_be_the_last_that_is_pruned(tmp_path: Path) -> None:
    database = tmp_path / "live.db"
    trade_with_quotes(database, seed=3, share=0.7, candles=300)
    with closing(open_store(sqlite_url(database))) as store:
        with store.reading() as reader:
            whole = check_parity(reader, lambda _done: None)
        for seq in range(20, whole.candles, 20):
            prune_to(store, seq)
            with store.reading() as reader:
                found = check_parity(reader, lambda _done: None)
            assert (found.difference, found.trade_hash) == (None, whole.trade_hash), seq
            assert found.candles == whole.candles - seq


def test_holds_closes_and_new_parameters_are_proven_after_a_prune_as_before(tmp_path: Path) -> None:
    url = new_sqlite(tmp_path / "x.db")
    with commanded(url, "EUR_USD", "USD_JPY", candles=700) as desk:
        desk.trade(300)
        desk.ordered("PAUSE_ALL")
        desk.trade(100)
        desk.ordered("RESUME_ALL")
        desk.trade_until(lambda: bool(desk.open_pairs()))
        desk.ordered("CLOSE_ALL")
        risk = section_of(Settings(), "risk") | {"risk_percent": 0.5}
        with desk.store.transaction() as transaction:
            save_params(transaction, Settings(), {"risk": risk}, "ann", NOON)
        desk.obey()
        desk.trade(200)
        with desk.store.reading() as reader:
            last = reader.candle_count()
        for seq in range(150, last, 75):
            prune_to(desk.store, seq)
            require_sound(desk.store)
        desk.trade(len(desk.waiting))
        require_sound(desk.store, 10_000 * QUANTA_PER_UNIT)
