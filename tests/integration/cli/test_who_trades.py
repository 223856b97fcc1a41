"""Commands reach whoever trades, or are refused where nobody does; verbs find the platform of their folder."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from services.cli.program import main
from services.cli.trading import trading
from services.executor.build import Outside
from services.executor.commands.holds import hold_sentence
from services.platform.platform import Platform
from services.platform.sole_trader import Trader
from shared.contracts.runs import RunMode
from shared.settings.settings import Settings
from shared.store.engine import sqlite_url
from shared.store.rows.commands import HoldRow
from shared.store.sql_store import open_store
from shared.store.traded_here import pointing_at, traded_from
from tests.fixtures.new_store import new_sqlite
from tests.fixtures.paper import NOON, run_paper, sample_series

HOLD = HoldRow(scope="ALL", kind="kill_switch", actor="ann", since_time=1_767_225_600, since_seq=0, command_id=1)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with no database in the settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "SCALP_BOT_DB_PATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@contextmanager
def traded(database: Path) -> Iterator[Trader]:
    database.parent.mkdir(exist_ok=True)
    run_paper(database, sample_series("EUR_USD", candles=30))
    with trading(sqlite_url(database), "up") as trader:
        yield trader


def waiting_in(database: Path) -> int:
    with closing(open_store(sqlite_url(database))) as store, store.reading() as reader:
        return reader.backlog().waiting


def test_kill_switch_is_refused_where_nobody_trades_and_the_right_database_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    idle = folder / "data" / "paper_trading.db"
    idle.parent.mkdir()
    new_sqlite(idle)
    with traded(folder / "data" / "demo.db"):
        assert main(["commands", "send", "KILL_SWITCH_ON", "--db", str(idle)]) == 3
        told = capsys.readouterr().err
    assert "nobody trades in" in told
    assert "it was not sent. A platform trades in data/demo.db: name it with --db" in told
    assert waiting_in(idle) == 0
    assert main(["commands", "send", "KILL_SWITCH_ON", "--db", str(idle), "--anyway"]) == 0
    assert waiting_in(idle) == 1


def test_verbs_without_a_database_follow_the_platform_of_their_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database = folder / "elsewhere" / "mine.db"
    with traded(database):
        assert main(["commands", "send", "PAUSE_ALL", "--no-wait"]) == 0
        assert waiting_in(database) == 1
        assert main(["status", "--json"]) == 0
        assert json.loads(capsys.readouterr().out.partition("\n")[2])["trading"] == "now"
        monkeypatch.setenv("SCALP_BOT_DB_PATH", "other.db")
        assert main(["status"]) == 2
        assert "other.db does not exist" in capsys.readouterr().err
        monkeypatch.delenv("SCALP_BOT_DB_PATH")
    assert main(["status"]) == 2
    assert "data/paper_trading.db does not exist" in capsys.readouterr().err


def test_of_several_platforms_in_a_folder_one_has_to_be_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = folder / "one.db", folder / "two.db"
    run_paper(two, sample_series("EUR_USD", candles=30))
    with traded(one), pointing_at(sqlite_url(one), folder, 1), trading(sqlite_url(two), "paper"):
        assert main(["status"]) == 2
        assert "platforms trade in one.db and two.db: choose one with --db" in capsys.readouterr().err
        assert main(["status", "--db", "one.db"]) == 0


def test_pointer_of_a_process_that_was_killed_is_not_followed(folder: Path) -> None:
    pointer = folder / ".scalpbot-trades-4711"
    pointer.write_text(str(folder / "gone.db"))
    assert traded_from(folder) == []
    assert not pointer.exists()


def test_no_pointer_holds_the_address_of_a_server(folder: Path) -> None:
    with pointing_at("postgresql://ann:secret@db/scalpbot", folder, 1):
        assert list(folder.iterdir()) == []


def test_holds_are_told_at_the_start_when_they_begin_and_when_they_end(folder: Path) -> None:
    database = folder / "paper.db"
    told: list[str] = []
    run_paper(database, sample_series("EUR_USD", candles=30))
    outside = Outside("test", lambda: NOON, tell_hold=lambda *hold: told.append(hold_sentence(*hold)))

    def obeyed(*commands: str) -> list[str]:
        told.clear()
        with trading(sqlite_url(database), "up") as trader:
            platform = Platform(trader.store, Settings(), RunMode.OFFLINE, None, outside)
            platform.obey()
            for command in commands:
                main(["commands", "send", command, "--actor", "ann", "--no-wait", "--db", str(database)])
                platform.obey()
        return [sentence.partition(" that ann set")[0] for sentence in told]

    held = "entries on all pairs are held by the kill switch"
    assert obeyed("KILL_SWITCH_ON") == [held]
    assert obeyed() == [held]
    assert obeyed("PAUSE_ALL", "PAUSE_ALL", "KILL_SWITCH_OFF") == [
        held,
        "entries on all pairs are held by the pause",
        "entries on all pairs are no longer held by the kill switch of ann",
    ]


def test_hold_in_words() -> None:
    assert hold_sentence(HOLD, True) == (
        "entries on all pairs are held by the kill switch that ann set at 2026-01-01T00:00:00Z"
    )
    pause = HOLD._replace(scope="EUR_USD", kind="pause")
    assert hold_sentence(pause, False) == "entries in EUR_USD are no longer held by the pause of ann"
