"""Judged candles on disk: what is repeated is written once, nothing is lost by it, and plain SQL can still ask."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from services.cli import main
from services.inspection.parity import check_parity
from services.platform.sole_trader import sole_trader
from shared.contracts.errors import InvariantError
from shared.contracts.times import format_time
from shared.store.engine import database_url, open_engine, sqlite_url, writing
from shared.store.port import Reader
from shared.store.schema import check, upgrade
from shared.store.sql_store import open_store
from tests.contract.builders import a_gate_snapshot, an_assessment
from tests.fixtures.new_store import new_sqlite
from tests.fixtures.paper import run_paper, sample_calendar, sample_series
from tests.integration.store.before_columns import BEFORE, add_before, copy_to_before, make_before
from tests.repository import ROOT

FEW: Final = 700
MANY: Final = 4_000
MOST_BYTES_OF_A_CANDLE: Final = 1_200
_MOST: Final = 1_000_000


@pytest.fixture(name="traded", scope="module")
def traded_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database in which the first candles of the sample were traded, with news."""
    database = tmp_path_factory.mktemp("traded") / "paper.db"
    run_paper(database, sample_series(candles=FEW), news=sample_calendar())
    return database


@pytest.fixture(name="before", params=["SQLite", "PostgreSQL"])
def before_(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, traded: Path) -> str:
    """Return the URL of a database of the schema before, with the same run."""
    on_sqlite = request.param == "SQLite"
    url = sqlite_url(tmp_path / "before.db") if on_sqlite else request.getfixturevalue("empty_postgres_url")
    make_before(url, BEFORE, monkeypatch)
    copy_to_before(sqlite_url(traded), url)
    return url


def rows_of(url: str, statement: str) -> list[tuple[Any, ...]]:
    engine = open_engine(database_url(url))
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.exec_driver_sql(statement)]
    engine.dispose()
    return rows


def judged_in(reader: Reader) -> list[object]:
    # Figures that are not valid yet equal nothing, but their texts are equal.
    facts = [repr(fact) for fact in reader.assessments_after(0, _MOST)]
    return [*facts, *reader.gate_snapshots_after(0, _MOST), reader.gate_funnel()]


def test_upgraded_rows_are_those_of_a_run_that_wrote_them_so(before: str, traded: Path) -> None:
    assert upgrade(before).found == BEFORE
    with closing(open_store(sqlite_url(traded))) as store, store.reading() as reader:
        expected = judged_in(reader)
    with closing(open_store(before)) as store, store.reading() as reader:
        assert judged_in(reader) == expected
        parity = check_parity(reader, lambda _done: None)
    assert (parity.candles, parity.difference) == (3 * FEW, None)
    assert {name for name, *_ in rows_of(before, "SELECT stream FROM judged_by")} == {"candles.0"}
    assert rows_of(before, "SELECT count(*) FROM judged_by") == rows_of(before, "SELECT count(*) FROM assessed_by")


def test_upgrade_tells_how_many_rows_were_rewritten(before: str) -> None:
    told: list[tuple[int, int]] = []
    upgrade(before, lambda done, total: told.append((done, total)))
    rows = 3 * FEW
    assert told == [(2_000, rows), (rows, rows)] * 2


def test_whoever_begins_to_trade_is_told_of_the_upgrade_and_only_of_that(before: str) -> None:
    told: list[int] = []

    @contextmanager
    def upgrading() -> Iterator[Callable[[int, int], None]]:
        yield lambda done, _total: told.append(done)
        told.append(0)

    for _ in range(2):
        with sole_trader(before, "first", upgrading) as trader, trader.store.reading() as reader:
            assert reader.candle_count() == 3 * FEW
        assert told == [2_000, 3 * FEW, 2_000, 3 * FEW, 0]


def test_upgraded_database_answers_why_as_before(before: str, traded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    upgrade(before)
    with closing(open_store(sqlite_url(traded))) as store, store.reading() as reader:
        signals = [trade.opening.signal_time for trade in reader.trades_in_order()]
        asked = [row for row in reader.gate_snapshots_after(0, _MOST) if row.candle_time in signals or row.seq == 1]
    assert len(asked) > 1
    for row in asked:
        answers = []
        for database in (sqlite_url(traded), before):
            verb = ["why", row.pair, format_time(row.candle_time), "--json", "--db", database]
            assert main(verb) == 0
            answers.append(json.loads(capsys.readouterr().out))
        assert answers[0] == answers[1]
        assert len(answers[0]["gates"]) == 7


def test_upgraded_database_is_traded_on(before: str) -> None:
    upgrade(before)
    with closing(open_store(before)) as store:
        with store.transaction() as transaction:
            seq = 3 * FEW + 1
            transaction.add_assessments([an_assessment(seq)])
            transaction.add_gate_snapshots([a_gate_snapshot(seq)])
        with store.reading() as reader:
            assert reader.gate_snapshots(1) == [a_gate_snapshot(seq)]
            assert reader.assessments_after(seq - 1, 10) == [an_assessment(seq)]


def test_row_that_cannot_be_understood_is_named_and_the_database_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = sqlite_url(tmp_path / "before.db")
    make_before(url, BEFORE, monkeypatch)
    engine = open_engine(database_url(url))
    with writing(engine).begin() as connection:
        add_before(connection, [an_assessment(1), an_assessment(2)], [a_gate_snapshot(1)])
        connection.exec_driver_sql("UPDATE assessments SET body_json = '{}' WHERE seq = 2")
    engine.dispose()
    kept = rows_of(url, "SELECT * FROM assessments")
    with pytest.raises(InvariantError, match="table assessments, row 2: its JSON cannot be understood: KeyError"):
        upgrade(url)
    assert check(url).found == BEFORE
    assert rows_of(url, "SELECT * FROM assessments") == kept


def test_views_show_each_gate_and_each_figure(before: str) -> None:
    upgrade(before)
    with closing(open_store(before)) as store, store.reading() as reader:
        rows = reader.gate_snapshots_after(0, _MOST)
    verdicts = [
        (row.seq, number, *verdict.values())
        for row in rows
        for number, verdict in enumerate(row.verdicts.in_words(), start=1)
    ]
    shown = rows_of(before, "SELECT seq, number, gate, passed, reason, value, gate_limit FROM verdicts")
    assert sorted(shown) == sorted(verdicts)
    figures = [
        (row.seq, number, name, value)
        for row in rows
        for number, (name, value) in enumerate(row.indicators.items(), start=1)
    ]
    assert rows_of(before, "SELECT seq, number, name, value FROM indicators ORDER BY seq, number") == figures


def test_a_judged_candle_of_parameters_that_are_gone_is_told(tmp_path: Path) -> None:
    path = tmp_path / "paper.db"
    with closing(open_store(new_sqlite(path))) as store:
        with store.transaction() as transaction:
            transaction.add_assessments([an_assessment(1)])
            transaction.add_gate_snapshots([a_gate_snapshot(1)])
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DELETE FROM judged_by")
            connection.execute("DELETE FROM assessed_by")
        with store.reading() as reader:
            with pytest.raises(InvariantError, match="table gate_snapshots, row 1, column judged_by_id"):
                reader.gate_snapshots(1)
            with pytest.raises(InvariantError, match="table assessments, row 1, column assessed_by_id"):
                reader.assessments_after(0, 1)


def test_documented_queries_run_as_they_stand(traded: Path) -> None:
    page = (ROOT / "docs" / "store.md").read_text(encoding="utf-8")
    queries = [block.partition("```")[0] for block in page.split("```sql\n")[1:]]
    assert len(queries) > 8
    with closing(sqlite3.connect(traded)) as connection:
        for query in queries:
            assert connection.execute(query).fetchall(), query


def test_candle_takes_no_more_of_the_disk_than_was_promised(tmp_path: Path) -> None:
    database = tmp_path / "paper.db"
    series = sample_series(candles=MANY)
    candles = run_paper(database, series, news=sample_calendar())
    assert candles == MANY * len(series)
    with closing(sqlite3.connect(database)) as connection:
        ((pages, size),) = connection.execute("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size")
    assert pages * size == database.stat().st_size
    assert pages * size / candles < MOST_BYTES_OF_A_CANDLE
