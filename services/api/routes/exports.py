"""The routes that hand out whole lists as files: CSV as long as it gets, XLSX up to a limit."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from itertools import chain
from tempfile import TemporaryFile
from typing import IO, Annotated, Any, Final, NamedTuple

import xlsxwriter
from fastapi import FastAPI, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from services.api.cells import Cell, cell_of, sheet_cell
from services.api.context import ApiContext
from services.api.held import HeldResponse
from services.api.problems import ProblemError
from services.api.security.access import Principal
from services.api.security.guard import CurrentPrincipal
from services.api.shapes.audit import AuditRecord, shown_audit
from services.api.shapes.ledger import Trade, shown_trade
from services.api.shapes.market import JudgedCandle, shown_judged
from services.api.shapes.pages import SpanQuery
from services.api.shares import Shares
from services.api.work_limit import WorkLimit
from shared.contracts.pairs import known_pair
from shared.contracts.shown import TRADE_COLUMNS, trade_list_texts
from shared.store.port import Reader
from shared.store.rows.listing import Listed, Span

MOST_SHEET_ROWS: Final = 100_000
# Each holds some megabytes until they are taken.
DOWNLOADS: Final = 8
DOWNLOADS_OF_A_USER: Final = 2
_AGAIN_SECONDS: Final = 5
_ROWS_AT_ONCE: Final = 1_000
_BYTES_AT_ONCE: Final = 64 * 1_024
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CSV: Final = "text/csv; charset=utf-8"

Batches = Iterator[list[list[Cell]]]


class ExportQuery(SpanQuery):
    """From when, until when."""


class PairExportQuery(SpanQuery):
    """From when, until when, of which pair."""

    pair: str | None = Field(default=None, max_length=7, description="Only of this pair.", examples=["EUR_USD"])


Read = Callable[[Reader, Span, str | None], Sequence[Listed[Any]]]


class Export(NamedTuple):
    """A list that can be had as a file: its name, its headings, how a page of it is read, and the values of a row."""

    name: str
    columns: Sequence[str]
    read: Read
    values: Callable[[Any], Iterable[Any]]


def _of_model(name: str, model: type[BaseModel], read: Read, shown: Callable[[Any], BaseModel]) -> Export:
    """Return a list whose rows have all that the API answers of them."""
    return Export(
        name=name, columns=list(model.model_fields), read=read, values=lambda row: shown(row).model_dump().values()
    )


def _listed_trades(reader: Reader, span: Span, pair: str | None) -> Sequence[Listed[Any]]:
    return reader.list_trades(span, pair)


_TRADES: Final = _of_model("trades", Trade, _listed_trades, shown_trade)
# As a paper run and a backtest write them.
_TRADE_LIST: Final = Export(
    name="trades",
    columns=TRADE_COLUMNS,
    read=_listed_trades,
    values=lambda row: trade_list_texts(row.opening.entry, row.closing).values(),
)
_GATES: Final = _of_model("gates", JudgedCandle, lambda reader, span, pair: reader.list_gates(span, pair), shown_judged)
_AUDIT: Final = _of_model("audit", AuditRecord, lambda reader, span, _pair: reader.list_audit(span), shown_audit)


class OfPairs(NamedTuple):
    """A list of the rows of pairs, as it is in a CSV and in a sheet."""

    lines: Export
    sheet: Export


class _Downloads:
    """The files that are being sent, for one event loop."""

    def __init__(self) -> None:
        self._open = Shares(DOWNLOADS, DOWNLOADS_OF_A_USER)

    def sent(self, principal: Principal, make: Callable[[], Response]) -> Response:
        """Return an answer that is made in a thread, once there is a place for it."""
        return HeldResponse(partial(self._place, principal), partial(run_in_threadpool, make))

    @contextmanager
    def _place(self, principal: Principal) -> Iterator[None]:
        if not self._open.take(principal.user_id):
            headers = {"Retry-After": str(_AGAIN_SECONDS)}
            raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, "too many files are being sent; wait", headers)
        try:
            yield
        finally:
            self._open.give_back(principal.user_id)


def register_exports(app: FastAPI, context: ApiContext, heavy: WorkLimit) -> None:
    """Add the routes under /api/exports."""
    downloads = _Downloads()
    _register_of_pairs(app, context, heavy, downloads, OfPairs(_TRADE_LIST, _TRADES))
    _register_of_pairs(app, context, heavy, downloads, OfPairs(_GATES, _GATES))

    @app.get("/api/exports/audit.csv", response_class=StreamingResponse, **_about(_AUDIT, _CSV))
    async def audit_csv(query: Annotated[ExportQuery, Query()], principal: CurrentPrincipal) -> Response:
        return downloads.sent(principal, lambda: _csv(_AUDIT, _batches(context, _AUDIT, query, None)))

    @app.get("/api/exports/audit.xlsx", response_class=StreamingResponse, **_about(_AUDIT, _XLSX))
    async def audit_xlsx(query: Annotated[ExportQuery, Query()], principal: CurrentPrincipal) -> Response:
        return downloads.sent(principal, lambda: _xlsx(_AUDIT, heavy, _batches(context, _AUDIT, query, None)))


def _register_of_pairs(
    app: FastAPI, context: ApiContext, heavy: WorkLimit, downloads: _Downloads, exports: OfPairs
) -> None:
    lines, sheet = exports
    path = f"/api/exports/{lines.name}"

    @app.get(f"{path}.csv", response_class=StreamingResponse, name=f"{lines.name}_csv", **_about(lines, _CSV))
    async def as_csv(query: Annotated[PairExportQuery, Query()], principal: CurrentPrincipal) -> Response:
        batches = _batches(context, lines, query, known_pair(query.pair))
        return downloads.sent(principal, lambda: _csv(lines, batches))

    @app.get(f"{path}.xlsx", response_class=StreamingResponse, name=f"{sheet.name}_xlsx", **_about(sheet, _XLSX))
    async def as_xlsx(query: Annotated[PairExportQuery, Query()], principal: CurrentPrincipal) -> Response:
        batches = _batches(context, sheet, query, known_pair(query.pair))
        return downloads.sent(principal, lambda: _xlsx(sheet, heavy, batches))


def _about(export: Export, kind: str) -> dict[str, Any]:
    schema = {"type": "string", **({"format": "binary"} if kind == _XLSX else {})}
    content: dict[str, dict[str, Any]] = {kind.partition(";")[0]: {"schema": schema}}
    if kind == _CSV:
        content[kind.partition(";")[0]]["example"] = ",".join(export.columns) + "\n"
    limit = f"; more than {MOST_SHEET_ROWS:,} rows are refused" if kind == _XLSX else ""
    return {
        "tags": ["exports"],
        "summary": f"All {export.name} of a period as a file, newest first{limit}",
        "responses": {200: {"description": "The file", "content": content}},
    }


def _batches(context: ApiContext, export: Export, query: SpanQuery, pair: str | None) -> Batches:
    """Yield the rows in batches, each read for itself: no transaction lasts as long as a slow download."""
    start, end = query.seconds()
    span = Span(_ROWS_AT_ONCE, start=start, end=end)
    while True:
        with context.store.reading() as reader:
            rows = export.read(reader, span, pair)
        yield [[cell_of(value) for value in export.values(each.row)] for each in rows]
        if len(rows) < _ROWS_AT_ONCE:
            return
        span = span._replace(before=(rows[-1].time, rows[-1].key))


def _csv(export: Export, batches: Batches) -> StreamingResponse:
    # The first batch is read before the answer begins, so that a store that is away is still told as what it is.
    first = next(batches)
    chunks = map(_csv_text, chain([[list[Cell](export.columns)]], [first], batches))
    return StreamingResponse(chunks, media_type=_CSV, headers=_as_file(export, "csv"))


def _csv_text(rows: Sequence[Sequence[Cell]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _xlsx(export: Export, heavy: WorkLimit, batches: Batches) -> StreamingResponse:
    file = TemporaryFile()  # noqa: SIM115 - closed when it has been sent
    try:
        with heavy.work():
            _write_sheet(file, export, batches)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return StreamingResponse(_sent(file), media_type=_XLSX, headers=_as_file(export, "xlsx"))


def _write_sheet(file: IO[bytes], export: Export, batches: Batches) -> None:
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet(export.name)
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, export.columns)
        line = 0
        for batch in batches:
            for row in batch:
                line += 1
                sheet.write_row(line, 0, [sheet_cell(cell) for cell in row])
            if line > MOST_SHEET_ROWS:
                detail = f"there are more than {MOST_SHEET_ROWS:,} rows; choose a shorter period, or use the CSV"
                raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


def _sent(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_BYTES_AT_ONCE):
            yield chunk


def _as_file(export: Export, ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="scalpbot-{export.name}.{ending}"'}
