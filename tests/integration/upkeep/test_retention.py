"""Retention: the settings say how long rows are kept, and a running platform sees to it once a day."""

from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest

from services.upkeep import retention
from services.upkeep.retention import Retention, retained
from shared.core.types import SECONDS_PER_DAY
from shared.runtime.consumer import no_fence
from shared.settings.sections import RetentionSettings
from shared.settings.settings import Settings, load_settings
from shared.store.engine import sqlite_url
from shared.store.port import Store
from shared.store.sql_store import open_store
from tests.fixtures.anchored import Watch, around_with
from tests.fixtures.commanded import commanded, plain_sql, require_sound
from tests.fixtures.deployed import wait_until
from tests.fixtures.new_store import new_sqlite
from tests.integration.upkeep.kept import require_proven, traded
from tests.verbs import Run, answer, run_

__all__ = ["run_"]

KEPT = RetentionSettings(candles_days=2, assessments_days=1, gate_snapshots_days=2, equity_days=1)
SETTINGS = """
[retention]
candles_days = 4
assessments_days = 1
"""


@pytest.fixture(name="store")
def store_(run: Run) -> Iterator[Store]:
    traded(run, "x.db", candles=1_500)
    with closing(open_store(sqlite_url(Path("x.db")))) as store:
        yield store


def oldest(run: Run, database: str) -> dict[str, str]:
    return {each["table"]: each["oldest_time"] for each in answer(run, "db", "size", "--db", database)["tables"]}


def test_the_verb_obeys_the_settings(run: Run) -> None:
    traded(run, "x.db", candles=1_500)
    Path("scalpbot.toml").write_text(SETTINGS, encoding="utf-8")
    told = answer(run, "db", "prune", "--yes", "--db", "x.db")
    assert set(told["deleted"]) == {"candles", "assessments"}
    require_proven(run, "x.db")
    found = oldest(run, "x.db")
    assert found["gate_snapshots"] < found["candles"] < found["assessments"]


def test_what_is_kept_alters_no_trade_and_a_wrong_key_is_refused(run: Run) -> None:
    undisturbed = traded(run, "x.db", candles=600)
    Path("scalpbot.toml").write_text(SETTINGS, encoding="utf-8")
    traded(run, "x.db")
    assert answer(run, "parity", "--db", "x.db")["difference"] is None
    assert traded(run, "y.db", candles=600) == undisturbed
    settings = load_settings(Path("scalpbot.toml"), {})
    assert settings.trading_digest() == Settings().trading_digest()
    for wrong in ("candle_days = 4", "candles_days = -1", "trades_days = 90"):
        Path("scalpbot.toml").write_text(f"[retention]\n{wrong}\n", encoding="utf-8")
        code, _, errors = run("config", "check")
        assert (code, "retention." in errors) == (2, True), errors


def test_a_platform_deletes_once_a_day_what_is_old_and_says_so_as_system(run: Run, store: Store) -> None:
    watch = Watch()
    keeping = Retention(around_with(watch, StringIO()), store, KEPT, no_fence, lambda _seconds: False)
    assert keeping.due_in() == 0
    done = keeping.once()
    assert done is not None
    assert sum(done.rows.values()) > 0
    require_sound(store)
    with store.reading() as reader:
        (newest,) = reader.audit(1)
        assert (newest.actor, newest.action) == ("system", "database.pruned")
    assert keeping.due_in() == SECONDS_PER_DAY
    watch.seconds = SECONDS_PER_DAY
    assert keeping.due_in() == 0
    assert keeping.once() is None
    traded(run, "x.db")
    assert keeping.once() is not None
    require_proven(run, "x.db")


def test_a_platform_that_stops_in_between_leaves_what_can_be_proven(store: Store) -> None:
    naps = iter([False, False, True])
    keeping = Retention(around_with(Watch(), StringIO()), store, KEPT, no_fence, lambda _seconds: next(naps))
    with pytest.raises(retention._EndingError):
        keeping.once()
    require_sound(store)


def test_it_happens_beside_the_trading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_FIRST_SECONDS", 0.1)
    url = new_sqlite(tmp_path / "x.db")
    log = StringIO()
    with commanded(url, candles=3_000) as desk:
        desk.trade(1_500)
        with retained(around_with(Watch(), log), desk.store, KEPT, no_fence):

            def pruned() -> bool:
                if desk.waiting:
                    desk.trade(20)
                return "old rows deleted" in log.getvalue()

            wait_until(pruned, 60, "old rows are deleted", lambda: None)
        desk.trade(len(desk.waiting))
        require_sound(desk.store)
        with desk.store.reading() as reader:
            (first,) = reader.gate_snapshots_after(0, 1)
        assert first.seq > 1


def test_a_ledger_that_differs_is_kept_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_FIRST_SECONDS", 0.1)
    url = new_sqlite(tmp_path / "x.db")
    log = StringIO()
    with commanded(url, candles=1_500) as desk:
        desk.trade(1_500)
        plain_sql(tmp_path / "x.db", "UPDATE gate_snapshots SET reason = 'hold' WHERE seq = 100")
        with retained(around_with(Watch(), log), desk.store, KEPT, no_fence):
            wait_until(lambda: "the ledger differs" in log.getvalue(), 60, "it is told", lambda: None)
        with desk.store.reading() as reader:
            (first,) = reader.gate_snapshots_after(0, 1)
            assert first.seq == 1


def test_nothing_is_watched_where_everything_is_kept(store: Store) -> None:
    log = StringIO()
    with retained(around_with(Watch(), log), store, RetentionSettings(), no_fence):
        pass
    assert log.getvalue() == ""
