"""Reading through the API: lists by pages, single things, files, and what is refused and how."""

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import Connection, Engine, event, text

from services.api.app import create_app
from services.api.context import ApiContext
from services.api.envelope import LARGEST_BODY_BYTES
from shared.contracts.errors import InfrastructureError
from shared.contracts.runs import RunMode
from shared.runtime.remembered import begin_run
from shared.settings.settings import Settings
from shared.store.engine import database_url, open_engine
from shared.store.rows.listing import Span
from tests.contract.builders import FREE, M5, MIDNIGHT, a_candle, a_position, an_opening
from tests.fixtures.api import PASSWORD, Api, add_rows, running
from tests.fixtures.api_stores import api, quick_api, url

__all__ = ["api", "quick_api", "url"]

LISTS: Final = ("candles", "gates", "trades", "equity", "daily-stats", "audit")
LONG_AGO: Final = "2014-05-08T00:00:00Z"


def place(item: dict[str, Any]) -> str:
    """Return what tells an item of any list from the others."""
    names = ("seq", "number", "date", "id")
    return next(str(item[name]) for name in names if name in item)


def pages(api: Api, what: str, **parameters: Any) -> Iterator[list[str]]:
    given = {"pair": "EUR_USD"} if what == "candles" else {}
    cursor: dict[str, str] = {}
    while True:
        answer = api.get(f"/api/{what}", **given, **parameters, **cursor)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        yield [place(item) for item in body["items"]]
        if body["next_cursor"] is None:
            return
        cursor = {"cursor": body["next_cursor"]}


@pytest.mark.parametrize("what", LISTS)
def test_pages_hold_every_row_once_while_rows_are_added(api: Api, what: str) -> None:
    add_rows(api.store, 1, 7)
    (whole,) = pages(api, what, limit=500)
    assert len(whole) >= 7
    read: list[str] = []
    for number, page in enumerate(pages(api, what, limit=2)):
        read += page
        if number < 3:
            add_rows(api.store, 8 + number, 8 + number)
    assert read == whole


def test_a_list_can_be_narrowed_to_a_time(api: Api) -> None:
    add_rows(api.store, 1, 6)
    times = {"from": "2014-05-08T00:10:00Z", "to": "2014-05-08T02:20:00+02:00"}
    assert list(pages(api, "candles", **times)) == [["4", "3"]]
    assert list(pages(api, "gates", **times)) == [["4", "3"]]
    assert list(pages(api, "gates", pair="EUR_USD", **times)) == [["4", "3"]]
    assert list(pages(api, "gates", pair="GBP_USD")) == [[]]
    assert list(pages(api, "trades", pair="EUR_USD", **times)) == [["3", "2"]]
    assert list(pages(api, "equity", **times)) == [["3", "2"]]
    days = {"from": "2014-05-09T00:00:00.5Z", "to": "2014-05-11T00:00:00.5Z"}
    assert list(pages(api, "daily-stats", **days)) == [["2014-05-11", "2014-05-10"]]


def test_figures_are_exact_and_closed_sets_named(quick_api: Api) -> None:
    add_rows(quick_api.store, 1, 1)
    opening = an_opening("open", entry_time=MIDNIGHT + 9 * M5)
    with quick_api.store.transaction() as transaction:
        transaction.open_trade(opening, FREE)
        transaction.replace_positions([a_position(opening)])
    newest, closed = quick_api.get("/api/trades").json()["items"]
    assert (newest["entry_price"], newest["sl"], newest["tp"]) == ("1.38700", "1.38600", "1.38900")
    assert (newest["exit_time"], newest["pnl"]) == (None, None)
    assert (closed["side"], closed["exit_reason"], closed["pnl"], closed["pnl_pips"]) == (
        "BUY",
        "stop_loss",
        "-10.0000",
        "-10.0",
    )
    (position,) = quick_api.get("/api/positions").json()["items"]
    assert (position["pair"], position["unrealised_pnl"]) == ("EUR_USD", "-0.7000")
    (candle,) = quick_api.get("/api/candles", pair="EUR_USD", granularity="m5").json()["items"]
    assert (candle["time"], candle["bid_open"], candle["ask_close"]) == (LONG_AGO, "1.38686", "1.38695")


@pytest.mark.parametrize("time", [LONG_AGO, "2014-05-08T00:05:00Z", "2014-05-08T02:00:00+02:00"])
def test_one_candle_is_explained_by_its_open_time_or_its_decision(quick_api: Api, time: str) -> None:
    add_rows(quick_api.store, 1, 1)
    body = quick_api.get(f"/api/gates/EUR_USD/{time.replace('+', '%2B')}").json()
    assert (body["candle_time"], body["decision_time"]) == (LONG_AGO, "2014-05-08T00:05:00Z")
    assert [event["type"] for event in body["events"]] == ["trade.opened"]


@pytest.mark.parametrize(
    ("path", "status", "part"),
    [
        ("/api/gates/EUR_USD/2014-05-08T00:00:00Z", 404, "no judged candle of EUR_USD"),
        ("/api/gates/EUR_USD/yesterday", 422, "path.time"),
        ("/api/gates/EUR_USD/2014-05-08T00:00:00", 422, "path.time"),
        ("/api/gates/EURUSD/2014-05-08T00:00:00Z", 422, "is not a pair"),
        ("/api/gates?pair=EUR_EUR", 422, "two different currencies"),
        ("/api/candles", 422, "query.pair"),
        ("/api/candles?pair=EUR_USD&granularity=M7", 422, "granularity 'M7' is unknown"),
        ("/api/trades?limit=501", 422, "query.limit: it must be less than or equal to 500"),
        ("/api/trades?limit=0", 422, "query.limit"),
        ("/api/trades?cursor=nonsense", 422, "query.cursor"),
        ("/api/trades?cursor=LTEuMQ", 422, "query.cursor"),
        ("/api/trades?cursor=OTk5OTk5OTk5OTk5OTk5OTkuMQ", 422, "query.cursor"),
        ("/api/trades?from=2014-05-08T00:00:00", 422, "query.from"),
        ("/api/trades?to=0001-01-01T00:00:00Z", 422, "query.to"),
        ("/api/trades?from=1399549500", 422, "query.from: it must be a time with a zone"),
        ("/api/trades?limit=1&limit=2", 422, "given more than once"),
        ("/api/trades?order=up", 422, "query.order"),
        ("/api/nothing", 404, "/api/nothing does not exist"),
        ("/api/trades/", 404, "/api/trades/ does not exist"),
        ("/docs", 404, "/docs does not exist"),
    ],
)
def test_what_cannot_be_answered_is_a_problem_in_one_form(quick_api: Api, path: str, status: int, part: str) -> None:
    answer = quick_api.client.get(path, headers=quick_api.sign_in("admin").headers)
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status)
    assert part in body["detail"]
    assert body["instance"] == path.partition("?")[0]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= set(body)


def test_a_method_that_is_not_answered_names_those_that_are(quick_api: Api) -> None:
    answer = quick_api.client.delete("/api/trades", headers=quick_api.sign_in("admin").headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.headers["content-type"] == "application/problem+json"


def chunks(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b" " * 10_000


def test_a_body_is_measured_by_what_arrives(quick_api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    small = json.dumps({"username": "viewer", "password": PASSWORD}).encode().ljust(LARGEST_BODY_BYTES)
    assert quick_api.client.post("/auth/login", content=small, headers=headers).status_code == 200
    assert quick_api.client.post("/auth/login", content=small + b" ", headers=headers).status_code == 413
    try:
        answer = quick_api.client.post("/auth/login", content=chunks(1_000), headers=headers)
        assert answer.status_code == 413
    except httpx.WriteError:
        pass  # The server had said so, and closed, before all of it was sent.
    assert quick_api.client.get("/healthz").status_code == 200


def test_a_fault_of_ours_tells_nothing_of_the_inside(quick_api: Api) -> None:
    def with_a_fault(context: ApiContext) -> Any:
        app = create_app(context)

        def fail(*_: object) -> None:
            raise RuntimeError("the table users has a column password_hash")

        context.store.reading = fail  # type: ignore[method-assign, assignment]
        return app

    store = quick_api.store
    signed = quick_api.sign_in("admin")
    with running(store, with_a_fault) as broken:
        answer = broken.client.get("/api/trades", headers=broken.shown(signed))
        assert answer.status_code == 500
        assert "password_hash" not in answer.text
        assert answer.json()["request_id"] in broken.log.getvalue()
        assert "password_hash" in broken.log.getvalue()


def test_a_store_that_is_away_is_told_as_that(quick_api: Api) -> None:
    def with_a_store_away(context: ApiContext) -> Any:
        def fail() -> None:
            raise InfrastructureError("The database postgresql://db/scalpbot cannot be used now.")

        context.store.reading = fail  # type: ignore[method-assign, assignment]
        return create_app(context)

    signed = quick_api.sign_in("admin")
    with running(quick_api.store, with_a_store_away) as away:
        answer = away.client.get("/api/trades", headers=away.shown(signed))
        ready = away.client.get("/readyz")
        assert away.client.get("/healthz").status_code == 200
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "postgresql" not in answer.text
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "waiting_for": {"store": "unavailable"}})


def test_status_tells_how_the_platform_stands(api: Api) -> None:
    empty = api.get("/api/status").json()
    assert (empty["mode"], empty["equity"], empty["feed_age_seconds"], empty["trades"]) == (None, None, None, 0)
    add_rows(api.store, 1, 3)
    begin_run(api.store, Settings(), None, RunMode.LIVE, MIDNIGHT)
    with api.store.transaction() as transaction:
        transaction.beat("executor", "executor-1", "{}")
        transaction.save_cursor("executor", "assessed", 1)
        transaction.add_candles([a_candle(4, pair="GBP_USD")])
    status = api.get("/api/status").json()
    assert (status["mode"], status["equity"], status["halted"]) == ("LIVE", "10000.0003", False)
    assert (status["trades"], status["candles_not_traded"]) == (3, 3)
    assert [(each["pair"], each["time"]) for each in status["newest_candles"]] == [
        ("EUR_USD", "2014-05-08T00:10:00Z"),
        ("GBP_USD", "2014-05-08T00:15:00Z"),
    ]
    assert status["feed_age_seconds"] == -4 * M5
    assert status["notes"] == []
    with api.store.transaction() as transaction:
        transaction.add_candles([a_candle(5, pair="EUR_CHF")])
    assert "[rates]" in api.get("/api/status").json()["notes"][0]
    assert [(each["service"], each["instance"]) for each in status["heartbeats"]] == [("executor", "executor-1")]


def test_settings_are_shown_without_their_secrets(quick_api: Api) -> None:
    shown = quick_api.get("/api/settings").json()
    assert shown["settings"]["pairs"]["EUR_USD"]["strategy"] == "ema_vwap"
    users = quick_api.get("/api/users")
    assert [user["name"] for user in users.json()["items"]] == ["admin", "operator", "viewer"]
    assert "argon2" not in users.text


def test_requests_are_counted_by_route(quick_api: Api) -> None:
    quick_api.get("/api/trades")
    quick_api.get("/api/secret-of-somebody")
    figures = quick_api.get("/metrics").text
    assert 'scalpbot_api_requests_total{method="GET",route="/api/trades",status="200"} 1.0' in figures
    assert 'route="other",status="404"' in figures
    assert "secret-of-somebody" not in figures


def test_the_description_names_every_route_its_role_and_its_refusals(quick_api: Api) -> None:
    document = quick_api.get("/api/openapi.json").json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert {"/api/trades", "/api/auth/login", "/api/events", "/healthz"} <= set(document["paths"])
    assert all(operation["summary"] for operation in operations)
    assert "Needs the role operator" in document["paths"]["/api/audit"]["get"]["description"]
    for operation in operations:
        problems = [answer for status, answer in operation["responses"].items() if status[0] in "45"]
        assert problems
    trade = document["components"]["schemas"]["Trade"]["properties"]
    assert all("examples" in about or "boolean" in str(about) for about in trade.values())
    assert "HTTPValidationError" not in json.dumps(document)


# How the databases find the rows.


def explained(connection: Connection, statement: str, parameters: Any) -> str:
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return "\n".join(row[-1] for row in rows)
    # Of a few rows the planner would rather read and sort all.
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    connection.execute(text("SET LOCAL enable_sort = off"))
    return "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters))


def test_no_list_is_read_by_looking_at_every_row(api: Api, url: str) -> None:
    add_rows(api.store, 1, 30)
    asked: list[tuple[str, Any]] = []

    def note(_1: object, _2: object, statement: str, parameters: Any, _4: object, _5: object) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    span = Span(5, (MIDNIGHT + 20 * M5, 20), MIDNIGHT, MIDNIGHT + 25 * M5)
    days = Span(5, (16_220, 0), 16_200, 16_225)
    event.listen(Engine, "before_cursor_execute", note)
    try:
        with api.store.reading() as reader:
            for each in (span, Span(5)):
                reader.list_candles("EUR_USD", 300, each)
                reader.list_gates(each)
                reader.list_gates(each, "EUR_USD")
                reader.list_trades(each)
                reader.list_trades(each, "EUR_USD")
                reader.list_equity(each)
                reader.list_audit(each)
            reader.list_days(days)
            reader.list_days(Span(5))
            reader.newest_candles()
            reader.events_after(3, 10)
            reader.newest_event_id()
            reader.session("a" * 64)
            reader.user("ann")
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    engine = open_engine(database_url(url))
    with engine.begin() as connection:
        plans = [(statement, explained(connection, statement, parameters)) for statement, parameters in asked]
    engine.dispose()
    assert len(plans) >= 20
    for statement, plan in plans:
        assert_by_index(statement, plan)


def assert_by_index(statement: str, plan: str) -> None:
    for line in plan.splitlines():
        told = f"{statement}\n{plan}"
        assert "Seq Scan" not in line, told
        # SQLite says SCAN of a whole index too, which ends at the limit where the index gives the order.
        assert not line.startswith("SCAN") or "USING" in line or "ORDER BY" in statement, told
        assert "USE TEMP B-TREE FOR ORDER BY" not in line, told
        # A sort of all rows; an incremental one only puts those of one candle in order.
        assert not line.strip().removeprefix("->  ").startswith("Sort  ("), told
