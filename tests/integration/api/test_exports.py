"""Files of whole lists: what they hold, and that nothing in them is taken for a formula."""

import csv
import io
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from services.api.cells import cell_of
from services.api.routes import exports
from services.cli import main
from shared.store.engine import sqlite_url
from shared.store.rows.audit import AuditEntry
from shared.store.sql_store import open_store
from tests.contract.builders import MIDNIGHT
from tests.fixtures.api import Api, add_rows, running
from tests.fixtures.api_stores import api, quick_api, url
from tests.fixtures.paper import SAMPLE

__all__ = ["api", "quick_api", "url"]


def test_a_csv_holds_all_rows_of_a_time_whatever_their_number(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_ROWS_AT_ONCE", 3)
    add_rows(api.store, 1, 7)
    for what, count in (("trades", 7), ("gates", 7), ("audit", 10)):
        answer = api.get(f"/api/exports/{what}.csv")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert f'filename="scalpbot-{what}.csv"' in answer.headers["content-disposition"]
        assert len(list(csv.DictReader(io.StringIO(answer.text)))) == count
    answer = api.get("/api/exports/trades.csv", **{"from": "2014-05-08T00:10:00Z", "pair": "EUR_USD"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["entry_time"] for row in rows] == sorted((row["entry_time"] for row in rows), reverse=True)
    assert len(rows) == 6
    assert rows[0]["pnl"] == "-10.0000"


def test_trades_are_one_list_whether_a_run_a_backtest_or_the_api_writes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database, tested = tmp_path / "paper.db", tmp_path / "tested.csv"
    given = ("--csv", str(SAMPLE / "USD_JPY_M5_sample.csv"))
    assert main(["paper", *given, "--db", str(database), "--export-csv", "--export-dir", str(tmp_path)]) == 0
    assert main(["backtest", *given, "--trades", str(tested)]) == 0
    assert "trade list written to" in capsys.readouterr().err
    with closing(open_store(sqlite_url(database))) as store, running(store) as api:
        newest_first = api.get("/api/exports/trades.csv").text.splitlines(keepends=True)
    header, *lines = tested.read_text(encoding="utf-8").splitlines(keepends=True)
    assert len(lines) > 3
    assert (tmp_path / "trades_log.csv").read_text(encoding="utf-8") == "".join([header, *lines])
    assert [line for line in newest_first[1:] if ",,," not in line] == lines[::-1]
    assert newest_first[0] == header


def test_an_xlsx_holds_them_too(quick_api: Api) -> None:
    add_rows(quick_api.store, 1, 4)
    for what in ("trades", "gates", "audit"):
        answer = quick_api.get(f"/api/exports/{what}.xlsx")
        assert answer.status_code == 200
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert sheet.count("<row ") == (8 if what == "audit" else 5)


def test_a_sheet_that_would_be_too_long_is_refused(quick_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST_SHEET_ROWS", 3)
    add_rows(quick_api.store, 1, 4)
    answer = quick_api.get("/api/exports/trades.xlsx")
    assert (answer.status_code, "use the CSV" in answer.json()["detail"]) == (422, True)
    assert quick_api.get("/api/exports/trades.xlsx", **{"from": "2014-05-08T00:15:00Z"}).status_code == 200


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_no_cell_is_taken_for_a_formula_whatever_separates_a_readers_lists(quick_api: Api, separator: str) -> None:
    begun = ("=1+1", "@SUM(1)", "\uff1d1")
    for text in (*begun, ";=cmd|' /C calc'!A0;", 'a; "=1"', "a|-2+3", "a\t+1", "b\n=1", "c\r\n@A1"):
        with quick_api.store.transaction() as transaction:
            entry = AuditEntry(MIDNIGHT, actor=text, action="note", command_id=None, detail={"key": text})
            transaction.append_audit([entry])
    text = quick_api.get("/api/exports/audit.csv").text
    cells = [cell for row in csv.reader(text.splitlines(), delimiter=separator) for cell in row]
    assert [cell for cell in cells if cell.lstrip(' "\t\r\n').startswith(tuple("=+-@\uff1d"))] == []
    assert "calc" in text


def test_what_is_no_formula_stays_as_it_is() -> None:
    for text in ("-10.0000", "EUR_USD; 2 of 3", "a=b", "18 h ago, +0.5"):
        assert cell_of(text) == text
    assert cell_of({"a": 1}) == '{"a":1}'


def test_a_text_too_long_for_a_sheet_is_cut_and_says_so(quick_api: Api) -> None:
    with quick_api.store.transaction() as transaction:
        entry = AuditEntry(MIDNIGHT, actor="ann", action="note", command_id=None, detail={"key": "x" * 40_000})
        transaction.append_audit([entry])
    with zipfile.ZipFile(io.BytesIO(quick_api.get("/api/exports/audit.xlsx").content)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "x" * 32_000 in sheet
    assert "[cut here: 40,010 characters are too many for a cell, the CSV has them all]" in sheet
    assert "x" * 40_000 in quick_api.get("/api/exports/audit.csv").text
