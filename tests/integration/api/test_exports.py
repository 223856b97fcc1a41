"""Files of whole lists: what they hold, and that nothing in them is taken for a formula."""

import csv
import io
import zipfile

import pytest

from services.api.cells import cell_of
from services.api.routes import exports
from shared.store.rows.audit import AuditEntry
from tests.contract.builders import MIDNIGHT
from tests.fixtures.api import Api, add_rows
from tests.fixtures.api_stores import api, quick_api, url

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
    assert [row["number"] for row in rows] == ["7", "6", "5", "4", "3", "2"]
    assert rows[0]["pnl"] == "-10.0000"


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
