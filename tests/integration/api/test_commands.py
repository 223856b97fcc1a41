"""Commands over HTTP: accepted in the name of who is signed in, carried out once, and told of to their end."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final, NamedTuple

import httpx
import pytest
from sqlalchemy import create_engine

from services.api.security.command_rate import COMMANDS_PER_MINUTE
from shared.contracts.commands import parse_command
from shared.contracts.times import format_time
from shared.runtime.commands import send_command
from shared.store.engine import sqlite_url
from shared.store.rows.commands import CommandFilter, NewCommand
from shared.store.rows.listing import Span
from shared.store.sql_store import open_store
from tests.contract.builders import MIDNIGHT
from tests.fixtures.api import PASSWORD, Api, running
from tests.fixtures.api_stores import api, quick_api, server_url
from tests.fixtures.commanded import PAIR, Commanded, commanded, free_course, require_sound
from tests.fixtures.paper import NOON

__all__ = ["api", "quick_api", "server_url"]

PAUSE: Final = {"type": "PAUSE_PAIR", "payload": {"pair": PAIR}}


class Asked(NamedTuple):
    """A platform and the API beside it, on one database."""

    desk: Commanded
    api: Api

    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = post(self.api, body)
        assert answer.status_code == 202, answer.text
        command: dict[str, Any] = answer.json()
        return command

    def ended(self, body: dict[str, Any]) -> dict[str, Any]:
        """Send a command, have it carried out, and return how it ended, all over HTTP."""
        command_id = self.post(body)["id"]
        self.desk.obey()
        done: dict[str, Any] = self.api.get(f"/api/commands/{command_id}", "operator").json()
        return done


def post(api: Api, body: object, name: str = "operator", path: str = "/api/commands", **headers: str) -> httpx.Response:
    return api.client.post(path, json=body, headers={**api.sign_in(name).headers, **headers})


def plain_sql_anywhere(url: str, statement: str) -> None:
    """Execute a statement as another program would."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def entry_of(folder: Any) -> int:
    course = free_course(sqlite_url(folder / "paper.db"))
    return next(number for number, is_open in enumerate(course) if is_open)


@pytest.fixture(name="entry", scope="module")
def entry_(tmp_path_factory: pytest.TempPathFactory) -> int:
    """Return the number of the candle that brings the first entry where no command is given."""
    return entry_of(tmp_path_factory.mktemp("free"))


@contextmanager
def platform_and_api(url: str) -> Iterator[Asked]:
    with commanded(url) as desk, closing(open_store(url)) as store, running(store, clock=lambda: NOON) as api:
        yield Asked(desk, api)


@pytest.fixture(name="asked")
def asked_(url: str, entry: int) -> Iterator[Asked]:
    """Return a platform with one open position, and its API."""
    with platform_and_api(url) as asked:
        asked.desk.trade(entry)
        yield asked


def test_a_command_is_accepted_at_once_and_its_end_is_told_with_its_whole_trail(asked: Asked) -> None:
    answer = post(asked.api, {**PAUSE, "expires_seconds": 30})
    sent = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, "/api/commands/1")
    assert (sent["status"], sent["actor"], sent["payload_json"]) == ("PENDING", "operator", f'{{"pair":"{PAIR}"}}')
    assert sent["expires_ts_utc"] == format_time(NOON + 30)
    assert asked.api.get("/api/status").json()["pending_commands"] == {"count": 1, "oldest_age_seconds": 0.0}
    asked.desk.obey()
    hold = {"scope": PAIR, "kind": "pause", "actor": "operator", "since": format_time(NOON)}
    status = asked.api.get("/api/status").json()
    assert status["pending_commands"] == {"count": 0, "oldest_age_seconds": None}
    assert status["holds"] == [{**hold, "command_id": 1}]
    done = asked.api.get("/api/commands/1", "operator").json()
    assert (done["status"], done["result_json"]) == ("SUCCEEDED", {"changed": True, "holds": [hold]})
    actions = [record["action"] for record in done["audit"]]
    assert actions == ["command.sent", "command.claimed", "command.started", "hold.set", "command.completed"]
    assert asked.api.get("/api/commands/1", "viewer").json() == {**done, "audit": None}
    assert asked.ended({"type": "RESUME_ALL"})["result_json"] == {"changed": True, "holds": []}
    assert asked.api.get("/api/status").json()["holds"] == []
    require_sound(asked.desk.store)


@pytest.mark.parametrize(
    ("on", "off"),
    [
        ({"type": "KILL_SWITCH_ON"}, {"type": "KILL_SWITCH_OFF"}),
        ({"type": "PAUSE_ALL"}, {"type": "RESUME_ALL"}),
        (PAUSE, {"type": "RESUME_PAIR", "payload": {"pair": PAIR}}),
    ],
)
def test_what_switches_off_does_so_again_under_a_key_that_was_used_before(
    asked: Asked, on: dict[str, Any], off: dict[str, Any]
) -> None:
    keyed = {**on, "idempotency_key": "kill"}
    first = asked.ended(keyed)
    again = post(asked.api, keyed)
    assert (again.status_code, again.json()["id"], again.json()["repeated"]) == (200, first["id"], True)
    asked.ended(off)
    answer = post(asked.api, keyed)
    assert (answer.status_code, answer.json()["repeated"]) == (202, False)
    assert answer.json()["id"] > first["id"]
    asked.desk.obey()
    assert len(asked.api.get("/api/status").json()["holds"]) == 1
    assert asked.ended({**off, "idempotency_key": "kill"})["status"] == "SUCCEEDED"
    # What lets through again is done once, whoever asks again.
    repeated = post(asked.api, {**off, "idempotency_key": "kill"})
    assert (repeated.status_code, repeated.json()["repeated"]) == (200, True)
    require_sound(asked.desk.store)


def test_a_key_holds_for_a_day(asked: Asked) -> None:
    resume = {"type": "RESUME_ALL", "idempotency_key": "daily"}
    first = asked.ended(resume)
    with asked.desk.store.transaction() as transaction:
        late = NewCommand(NOON + 86_401, "ann", "RESUME_ALL", first["payload_json"], "daily")
        sent = send_command(transaction, parse_command(late.type, late.payload_json), late)
        assert sent.is_new
        assert sent.row.id > first["id"]
        again = send_command(transaction, parse_command(late.type, late.payload_json), late)
        assert (again.is_new, again.row.id) == (False, sent.row.id)


def test_a_row_of_plain_sql_closes_a_position_and_is_seen_to_the_end(asked: Asked, url: str) -> None:
    insert = (
        "INSERT INTO commands (created_ts_utc, actor, type, payload_json, status)"
        f" VALUES ('2026-01-05 12:00:00', 'admin', 'CLOSE_PAIR', '{{\"pair\": \"{PAIR}\"}}', 'PENDING')"
    )
    plain_sql_anywhere(url, insert)
    asked.desk.obey()
    done = asked.api.get("/api/commands/1", "operator").json()
    assert (done["status"], done["actor"], done["created_ts_utc"]) == ("SUCCEEDED", "admin", "2026-01-05T12:00:00Z")
    (closed,) = done["result_json"]["closed"]
    (trade,) = asked.api.get("/api/trades").json()["items"]
    assert (trade["exit_reason"], trade["pnl"], trade["id"]) == ("operator_close", closed["pnl"], closed["trade_id"])
    assert asked.api.get("/api/positions").json()["items"] == []
    inside = {"from": "2026-01-05T12:00:00Z", "to": "2026-01-05T12:00:01Z"}
    assert len(asked.api.get("/api/commands", **inside).json()["items"]) == 1
    assert asked.api.get("/api/commands", **{"from": "2026-01-05T12:00:01Z"}).json()["items"] == []
    require_sound(asked.desk.store)


def test_a_close_at_the_broker_is_skipped_with_its_reason_unless_it_is_enabled(asked: Asked) -> None:
    done = asked.ended({"type": "CLOSE_PAIR", "payload": {"mode": "LIVE", "pair": PAIR}})
    assert (done["status"], done["result_json"]["reason"]) == ("SKIPPED", "live_trading_disabled")
    assert [position["pair"] for position in asked.api.get("/api/positions").json()["items"]] == [PAIR]


def test_a_client_without_a_library_signs_in_and_pauses_a_pair_at_the_root(tmp_path: Any) -> None:
    with platform_and_api(sqlite_url(tmp_path / "paper.db")) as asked:
        address = asked.api.client.base_url
        client = http.client.HTTPConnection(address.host, address.port, timeout=20)
        json_kind = {"Content-Type": "application/json"}
        client.request("POST", "/auth/login", json.dumps({"username": "operator", "password": PASSWORD}), json_kind)
        signed = client.getresponse()
        signed.read()
        cookie = "; ".join(each.split(";")[0] for each in signed.headers.get_all("Set-Cookie", []))
        body = json.dumps({"type": "PAUSE_PAIR", "payload": {"pair": "EUR_USD"}})
        client.request("POST", "/commands", body, {**json_kind, "Cookie": cookie})
        answer = client.getresponse()
        sent = json.load(answer)
        client.close()
        assert (answer.status, sent["type"], sent["actor"]) == (202, "PAUSE_PAIR", "operator")
        asked.desk.obey()
        assert [hold["scope"] for hold in asked.api.get("/api/status").json()["holds"]] == ["EUR_USD"]


def test_the_same_key_is_one_command_wherever_it_stands(api: Api) -> None:
    first = post(api, PAUSE, **{"Idempotency-Key": "k"})
    again = post(api, {**PAUSE, "idempotency_key": "k"}, "admin", "/commands")
    both = post(api, {**PAUSE, "idempotency_key": "k"}, **{"Idempotency-Key": "k"})
    assert [answer.status_code for answer in (first, again, both)] == [202, 200, 200]
    assert {**first.json(), "repeated": True} == again.json() == both.json()
    assert again.headers["location"] == first.headers["location"]
    differing = post(api, {**PAUSE, "idempotency_key": "j"}, **{"Idempotency-Key": "k"})
    assert (differing.status_code, "differ" in differing.json()["detail"]) == (422, True)
    for changed in ({"payload": {"pair": "GBP_USD"}}, {"expires_seconds": 30}):
        taken = post(api, {**PAUSE, **changed}, **{"Idempotency-Key": "k"})
        assert taken.status_code == 409
        assert taken.headers["content-type"] == "application/problem+json"
        assert "the idempotency key 'k' belongs to command 1" in taken.json()["detail"]
    other = post(api, {"type": "RESUME_PAIR", "payload": {"pair": PAIR}, "idempotency_key": "k"})
    assert other.status_code == 202
    with api.store.reading() as reader:
        assert len(reader.list_commands(Span(10), CommandFilter())) == 2
        assert [row.action for row in reader.audit_of_command(1)] == ["command.sent"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "body.type"),
        ({"type": "OPEN_PAIR"}, "body.type"),
        ({"type": "PAUSE_PAIR"}, "PAUSE_PAIR needs a pair in the payload"),
        ({"type": "PAUSE_PAIR", "payload": {"pair": "EURUSD"}}, "body.payload.pair"),
        ({"type": "PAUSE_PAIR", "payload": {"pair": "EUR_EUR"}}, "two different currencies"),
        ({"type": "CLOSE_ALL", "payload": {"pair": "EUR_USD"}}, "applies to all pairs"),
        ({"type": "CLOSE_ALL", "payload": {"mode": "BOTH"}}, "body.payload.mode"),
        ({"type": "CLOSE_ALL", "payload": []}, "body.payload"),
        ({"type": "CLOSE_ALL", "payload": {"until": "noon"}}, "body.payload.until"),
        ({"type": "CLOSE_ALL", "actor": "admin"}, "body.actor"),
        ({"type": "CLOSE_ALL", "status": "SUCCEEDED"}, "body.status"),
        ({"type": "CLOSE_ALL", "idempotency_key": ""}, "body.idempotency_key"),
        ({"type": "CLOSE_ALL", "idempotency_key": "\n"}, "the idempotency key may hold only A-Z, a-z, 0-9"),
        ({"type": "CLOSE_ALL", "idempotency_key": ";=cmd|' /C calc'!A0;"}, "the idempotency key may hold only"),
        ({"type": "CLOSE_ALL", "idempotency_key": "schlüssel"}, "the idempotency key may hold only"),
        ({"type": "CLOSE_ALL", "idempotency_key": "x" * 201}, "body.idempotency_key"),
        ({"type": "CLOSE_ALL", "expires_seconds": 0}, "body.expires_seconds"),
        ({"type": "CLOSE_ALL", "expires_seconds": 86_401}, "body.expires_seconds"),
        ({"type": "CLOSE_ALL", "expires_seconds": "30"}, "body.expires_seconds"),
        ([], "body"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason_and_not_stored(quick_api: Api, body: object, why: str) -> None:
    refused = post(quick_api, body)
    assert refused.status_code == 422
    assert why in refused.json()["detail"]
    with quick_api.store.reading() as reader:
        assert reader.list_commands(Span(10), CommandFilter()) == []


def test_nobody_sends_commands_without_the_role_or_the_csrf_token_of_their_page(quick_api: Api) -> None:
    assert post(quick_api, PAUSE, "viewer").status_code == 403
    assert post(quick_api, PAUSE, **{"Sec-Fetch-Site": "same-origin"}).status_code == 403
    assert post(quick_api, PAUSE, Origin="https://elsewhere.example").status_code == 403
    assert quick_api.client.post("/commands", json=PAUSE).status_code == 401
    with quick_api.store.reading() as reader:
        assert reader.list_commands(Span(10), CommandFilter()) == []


def test_commands_are_listed_by_pages_and_filtered(api: Api) -> None:
    kinds = ("PAUSE_ALL", "RESUME_ALL")
    for number in range(7):
        post(api, {"type": kinds[number % 2]})
    with api.store.transaction() as transaction:
        transaction.claim_command("executor-1", MIDNIGHT)
        transaction.finish_command(1, "SUCCEEDED", "not JSON", MIDNIGHT)
    first = api.get("/api/commands", "viewer", limit=3).json()
    second = api.get("/api/commands", "viewer", limit=3, cursor=first["next_cursor"]).json()
    last = api.get("/api/commands", "viewer", limit=3, cursor=second["next_cursor"]).json()
    pages = [[row["id"] for row in each["items"]] for each in (first, second, last)]
    assert pages == [[7, 6, 5], [4, 3, 2], [1]]
    assert last["next_cursor"] is None
    assert last["items"][0]["result_json"] == "not JSON"

    def ids(**query: Any) -> list[int]:
        return [row["id"] for row in api.get("/api/commands", "viewer", **query).json()["items"]]

    assert ids(type="RESUME_ALL") == [6, 4, 2]
    assert ids(status="SUCCEEDED") == [1]
    assert ids(type="PAUSE_ALL", status="PENDING", limit=2) == [7, 5]
    assert ids(**{"from": format_time(MIDNIGHT), "to": format_time(MIDNIGHT + 1)}) == [7, 6, 5, 4, 3, 2, 1]
    assert ids(**{"from": format_time(MIDNIGHT + 1)}) == ids(to=format_time(MIDNIGHT)) == []
    assert api.get("/api/commands", type="OPEN").status_code == 422
    for unknown in ("/api/commands/8", "/api/commands/0", "/api/commands/first"):
        assert api.get(unknown).status_code == (404 if unknown.endswith("8") else 422)


def test_a_user_sends_so_many_commands_a_minute_but_can_always_switch_off(quick_api: Api) -> None:
    now = [float(MIDNIGHT)]
    with running(quick_api.store, clock=lambda: now[0]) as api:
        headers = api.sign_in("operator").headers

        def send(**body: Any) -> httpx.Response:
            return api.client.post("/commands", json={"type": "CLOSE_ALL", **body}, headers=headers)

        assert send(idempotency_key="k").status_code == 202
        for _ in range(3):
            assert send(idempotency_key="k").status_code == 200
        now[0] += 10
        assert {send().status_code for _ in range(COMMANDS_PER_MINUTE - 1)} == {202}
        refused = send()
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "50")
        assert send(type="KILL_SWITCH_ON").status_code == 202
        assert post(api, PAUSE, "admin").status_code == 202
        now[0] += 50
        assert [send().status_code, send().status_code] == [202, 429]
        # What a user sent once more is answered, and every process counts what was sent to the others.
        assert send(idempotency_key="k").status_code == 200
        with running(quick_api.store, clock=lambda: now[0]) as other:
            headers = other.sign_in("operator").headers
            order = {"type": "CLOSE_ALL"}
            assert other.client.post("/commands", json=order, headers=headers).status_code == 429
            now[0] += 60
            assert other.client.post("/commands", json=order, headers=headers).status_code == 202


def test_commands_and_holds_are_told_as_they_happen_and_again_from_where_one_left_off(asked: Asked) -> None:
    headers = asked.api.sign_in("viewer").headers

    def told(answer: httpx.Response) -> Iterator[tuple[str, str, dict[str, Any]]]:
        message: dict[str, str] = {}
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            message[name] = value
            if not line and message.get("id"):
                yield message["id"], message["event"], json.loads(message["data"])
            message = message if line else {}

    with asked.api.client.stream("GET", "/api/events", headers=headers) as answer:
        messages = told(answer)
        asked.post({"type": "KILL_SWITCH_ON"})
        asked.desk.obey()
        heard = [next(messages) for _ in range(3)]
        asked.post({"type": "KILL_SWITCH_OFF"})
        asked.desk.obey()
        heard += [next(messages) for _ in range(2)]
    names = [event for _, event, _ in heard]
    assert names == ["trade.closed", "hold.set", "command.finished", "hold.ended", "command.finished"]
    assert (heard[1][2]["kind"], heard[1][2]["by"], heard[1][2]["command_id"]) == ("kill_switch", "operator", 1)
    assert heard[2][2] == {
        name: value for name, value in asked.api.get("/api/commands/1").json().items() if name != "audit"
    }
    for place in range(len(heard) - 1):
        again = {**headers, "Last-Event-ID": heard[place][0]}
        with asked.api.client.stream("GET", "/api/events", headers=again) as answer:
            messages = told(answer)
            assert [next(messages) for _ in heard[place + 1 :]] == heard[place + 1 :]
    with asked.api.client.stream("GET", "/api/events?after=0", headers=headers) as answer:
        assert next(told(answer))[1] == "account.day_started"


def test_the_description_shows_an_example_of_every_body_and_answer(quick_api: Api) -> None:
    document = quick_api.get("/api/openapi.json").json()
    sending = document["paths"]["/api/commands"]["post"]
    assert {"200", "202", "401", "403", "409", "422", "429"} <= set(sending["responses"])
    assert "/commands" not in document["paths"]
    schemas = document["components"]["schemas"]
    assert schemas["CommandOrder"]["examples"][0] == {"type": "PAUSE_PAIR", "payload": {"pair": "EUR_USD"}}
    for name in ("CommandOrder", "Payload", "Command", "Hold", "PendingCommands"):
        for field, about in schemas[name]["properties"].items():
            assert "examples" in about or "$ref" in about, (name, field)
