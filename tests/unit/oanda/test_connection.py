"""Questions to OANDA are put again where that helps, and what changes something is sent once."""

import logging
import traceback
from http.server import BaseHTTPRequestHandler

import pytest

from shared.contracts.errors import InfrastructureError, InputError
from shared.oanda.account import account_ids, parse_accounts
from shared.oanda.connection import OandaConnection
from shared.oanda.environment import AccessToken, OandaAddress
from shared.oanda.errors import OandaAmbiguousError, OandaRefusedError, OandaUnauthorizedError, OandaUnavailableError
from shared.oanda.limits import oanda_limits
from shared.oanda.transport import NoReplyError, Transport
from tests.unit.oanda.stand_in import (
    ACCOUNT,
    TOKEN,
    Asked,
    FakeTime,
    Reply,
    answers,
    connected,
    json_reply,
    serving,
    stand_in,
    whole,
)

HTML = b"<html><head><title>520: Web server is returning an unknown error</title></head></html>"
GOOD = json_reply(200, {"ok": True})


@pytest.mark.parametrize(
    "failures",
    [
        [json_reply(429, {"errorMessage": "rate"})],
        [json_reply(500, {}), json_reply(502, {}), json_reply(503, {}), json_reply(504, {})],
        [Reply(520, HTML)],
        [Reply(200, HTML)],
        [Reply(200, b"[1, 2]")],
        [Reply(None)],
        [json_reply(401, {"errorMessage": "Insufficient authorization to perform request."})] * 3,
    ],
    ids=["429", "5xx", "html", "html as 200", "no object", "cut", "401 for a while"],
)
def test_question_is_put_again_until_it_is_answered(failures: list[Reply]) -> None:
    with serving(answers([*failures, GOOD])) as (server, connection):
        assert connection.ask("/accounts", whole) == {"ok": True}
        assert len(server.asked) == len(failures) + 1


@pytest.mark.parametrize("status", [400, 403, 404, 405, 416, 301])
def test_definite_refusal_is_not_asked_again(status: int) -> None:
    time = FakeTime()
    refusal = json_reply(status, {"errorMessage": "Invalid value specified for 'instrument'"}, {"Location": "/other"})
    with serving(answers([refusal, GOOD]), time) as (server, connection):
        with pytest.raises(OandaRefusedError, match=f"HTTP {status}.*Invalid value") as caught:
            connection.ask("/instruments/EURUSD/candles", whole)
        assert len(server.asked) == 1
    assert caught.value.status == status
    assert isinstance(caught.value, InputError)
    assert time.slept == []


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 405, 416])
@pytest.mark.parametrize("content", [HTML, b"", b'{"error": "blocked by policy"}'], ids=["page", "empty", "json"])
def test_refusal_that_is_not_oandas_own_is_no_answer_and_is_asked_again(status: int, content: bytes) -> None:
    with serving(answers([Reply(status, content), GOOD])) as (server, connection):
        assert connection.ask("/accounts", whole) == {"ok": True}
        assert len(server.asked) == 2
    with serving(answers([Reply(status, content)])) as (_, connection):
        with pytest.raises(OandaUnavailableError, match=f"HTTP {status}.*look for a proxy in between") as caught:
            connection.ask("/accounts", whole, patience_seconds=5.0)
        assert caught.value.status == status
        if status != 401:
            with pytest.raises(OandaAmbiguousError):
                connection.put("/accounts/{accountID}/positions/EUR_USD/close", {})


def test_body_that_cannot_be_read_is_no_answer_and_is_asked_for_again() -> None:
    strange = json_reply(200, {"maintenance": True})
    listed = json_reply(200, {"accounts": [{"id": ACCOUNT}]})
    with serving(answers([strange, listed])) as (_, connection):
        assert account_ids(connection) == (ACCOUNT,)
    with serving(answers([strange])) as (_, connection), pytest.raises(OandaUnavailableError, match="cannot be read"):
        connection.ask("/accounts", parse_accounts, patience_seconds=5.0)


def test_wrong_token_stops_after_four_tries_with_one_sentence_that_says_how_to_mend() -> None:
    time = FakeTime()
    with stand_in(answers([json_reply(401, {"errorMessage": "Insufficient"})])) as server:
        with connected(server.url, time) as connection, pytest.raises(OandaUnauthorizedError) as caught:
            connection.ask("/accounts", whole)
        assert len(server.asked) == 4
    assert "refused the token 4 times (HTTP 401)" in str(caught.value)
    assert "practice or live" in str(caught.value)
    assert isinstance(caught.value, InputError)


def test_asking_ends_with_patience_and_the_sentence_names_status_and_beginning_of_what_came() -> None:
    time = FakeTime()
    with serving(answers([Reply(520, HTML)]), time) as (_, connection), pytest.raises(OandaUnavailableError) as caught:
        connection.ask("/accounts/{accountID}/pricing", whole, patience_seconds=5.0)
    assert sum(time.slept) <= 5.0
    assert "HTTP 520 without JSON, beginning '<html>" in str(caught.value)
    assert ACCOUNT not in str(caught.value)
    assert caught.value.status == 520
    assert isinstance(caught.value, InfrastructureError)


def test_retry_after_is_honoured() -> None:
    time = FakeTime()
    with serving(answers([json_reply(429, {}, {"Retry-After": "9"}), GOOD]), time) as (_, connection):
        connection.ask("/accounts", whole)
    assert time.slept == [9.0]


def test_server_that_nobody_runs_is_one_clear_sentence() -> None:
    with stand_in(answers([GOOD])) as server:
        pass
    with connected(server.url, FakeTime(), patience_seconds=2.0) as connection:
        with pytest.raises(OandaUnavailableError, match="no connection"):
            connection.ask("/accounts", whole)
        with pytest.raises(OandaUnavailableError, match="was not sent"):
            connection.put("/accounts/{accountID}/positions/EUR_USD/close", {})


def test_server_that_does_not_answer_is_left_after_the_time_allowed() -> None:
    def silent(_asked: Asked, handler: BaseHTTPRequestHandler) -> Reply:
        handler.connection.recv(1)
        return Reply(None)

    with serving(silent, answer_seconds=0.1, patience_seconds=0.0) as (_, connection):
        with pytest.raises(OandaUnavailableError, match=r"asked once .*no answer in time"):
            connection.ask("/accounts", whole)
        with pytest.raises(OandaAmbiguousError, match="unknown: no answer in time"):
            connection.put("/accounts/{accountID}/positions/EUR_USD/close", {})


def test_answer_that_only_drips_is_left_after_the_time_allowed() -> None:
    time = FakeTime()

    def dripping(_asked: Asked, handler: BaseHTTPRequestHandler) -> Reply:
        time.now += 1_000.0
        return GOOD

    with stand_in(dripping) as server:
        address, limits = OandaAddress(server.url, server.url), oanda_limits(time.read, time.sleep)
        transport = Transport(address, AccessToken(TOKEN), limits, 10.0, monotonic=time.read)
        try:
            with pytest.raises(NoReplyError, match="too slowly"):
                transport.exchange("GET", "/accounts")
        finally:
            transport.close()


def test_an_answer_in_time_is_taken_however_fast_the_clock_of_the_asker_runs() -> None:
    time = FakeTime()

    def hours_later(_asked: Asked, handler: BaseHTTPRequestHandler) -> Reply:
        time.now += 7_200.0
        return GOOD

    with serving(hours_later, time, patience_seconds=0.0) as (_, connection):
        assert connection.ask("/accounts", whole) == {"ok": True}


@pytest.mark.parametrize(
    "reply",
    [
        Reply(None),
        json_reply(504, {"errorMessage": "Timeout waiting for response."}),
        Reply(520, HTML),
        Reply(200, HTML),
    ],
    ids=["cut", "504", "520", "html as 200"],
)
def test_change_whose_answer_is_lost_is_sent_once_and_said_to_be_unknown(reply: Reply) -> None:
    with serving(answers([reply, GOOD])) as (server, connection):
        with pytest.raises(OandaAmbiguousError, match="whether it was carried out is unknown"):
            connection.put("/accounts/{accountID}/positions/EUR_USD/close", {"longUnits": "ALL"})
        assert len(server.asked) == 1


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429])
def test_definite_answer_to_a_change_is_handed_over(status: int) -> None:
    with stand_in(answers([json_reply(status, {"errorMessage": "so"})])) as server:
        with connected(server.url, FakeTime()) as connection:
            answer = connection.put("/accounts/{accountID}/positions/EUR_USD/close", {"longUnits": "ALL"})
        assert (answer.status, answer.body) == (status, {"errorMessage": "so"})
        [asked] = server.asked
    assert asked.path == f"/v3/accounts/{ACCOUNT}/positions/EUR_USD/close"
    assert asked.body == {"longUnits": "ALL"}


def test_one_connection_serves_many_questions() -> None:
    with serving(answers([GOOD])) as (server, connection):
        for _ in range(5):
            connection.ask("/accounts", whole)
        assert len(server.connections) == 1


def test_no_more_than_two_connections_are_opened_in_a_second() -> None:
    time = FakeTime()
    with stand_in(answers([json_reply(200, {}, {"Connection": "close"})])) as server:
        with connected(server.url, time) as connection:
            for _ in range(6):
                connection.ask("/accounts", whole)
        assert len(server.connections) == 6
    assert time.now - 1_000.0 >= 2.0


def test_token_goes_to_oanda_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    """A server that repeats the token in every way it can does not get it into a message or a log."""
    echo = f"Bearer {TOKEN} is not welcome".encode()
    replies = [
        Reply(520, echo),
        json_reply(401, {"errorMessage": echo.decode()}),
        Reply(400, b'{"errorMessage": "%s", "errorCode": "%s"}' % (echo, echo)),
        Reply(404, echo),
        Reply(None),
    ]
    caplog.set_level(logging.DEBUG)
    texts = []
    for reply in replies:
        with stand_in(answers([reply])) as server:
            with connected(server.url, FakeTime(), patience_seconds=1.0) as connection:
                for method in ("GET", "PUT"):
                    try:
                        asked = (
                            connection.ask("/accounts", whole) if method == "GET" else connection.put("/accounts", {})
                        )
                        texts.append(repr(asked))
                    except (InputError, InfrastructureError) as error:
                        texts += [str(error), repr(error), "".join(traceback.format_exception(error))]
                texts += [repr(connection), str(vars(connection)), str(vars(connection._transport))]
            assert server.asked[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert not [text for text in [*texts, caplog.text] if TOKEN[:12] in text]


def test_redirection_never_carries_the_token_elsewhere() -> None:
    with stand_in(answers([GOOD])) as elsewhere:
        moved = Reply(307, b"", {"Location": f"{elsewhere.url}/v3/accounts"})
        with serving(answers([moved])) as (_, connection):
            with pytest.raises(OandaUnavailableError, match="redirections are not followed"):
                connection.ask("/accounts", whole)
            with pytest.raises(OandaAmbiguousError):
                connection.put("/accounts", {})
        assert elsewhere.asked == []


def test_token_with_a_line_end_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(InputError) as caught:
        OandaConnection(
            OandaAddress("http://127.0.0.1:1", "http://127.0.0.1:1"),
            TOKEN + "\n",
            ACCOUNT,
            clock=lambda: 0.0,
            monotonic=lambda: 0.0,
            sleep=lambda _seconds: None,
            jitter=lambda: 0.5,
        )
    assert TOKEN not in str(caught.value)


def test_every_new_try_is_told_with_its_reason_and_pause() -> None:
    heard: list[tuple[str, float]] = []
    replies = [Reply(None), json_reply(503, {}), GOOD]
    with serving(answers(replies), retrying=lambda *told: heard.append(told)) as (server, connection):
        connection.ask("/accounts/{accountID}/summary", whole)
        assert len(server.asked) == 3
    (cut, first), (refused, second) = heard
    assert (first, second) == (0.25, 0.5)
    assert cut
    assert "503" in refused
