"""No candle is lost, doubled or invented between OANDA's answers and ours."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.feed import Complete, Incomplete, Refused
from shared.contracts.instruments import instrument
from shared.contracts.times import format_time
from shared.core.types import Candle
from shared.oanda.candles import (
    CandleSpecification,
    Timeless,
    candles_between,
    fetch_candles,
    latest_candles,
    parse_candles,
)
from shared.oanda.errors import OandaRefusedError, OandaUnavailableError
from shared.oanda.times import parse_time_seconds
from tests.unit.oanda.stand_in import ACCOUNT, Asked, Handler, Reply, answers, json_reply, serving

EUR_USD = instrument("EUR_USD")
START = 1_704_067_200
MINUTE = 60


def raw_candle(opened: int, *, complete: bool = True, **changes: Any) -> dict[str, Any]:
    side = {"o": "1.10000", "h": "1.10020", "l": "1.09990", "c": "1.10010"}
    ask = {"o": "1.10012", "h": "1.10033", "l": "1.10001", "c": "1.10022"}
    stamp = format_time(opened).replace("Z", ".000000000Z")
    return {"complete": complete, "volume": 7, "time": stamp, "bid": side, "ask": ask} | changes


def body_of(candles: Sequence[dict[str, Any]], granularity: str = "M1") -> dict[str, Any]:
    return {"instrument": "EUR_USD", "granularity": granularity, "candles": list(candles)}


def market(times: Sequence[int], *, most: int = 5000, length: int = MINUTE) -> Handler:
    """Answer like OANDA: from `from` on, the candle it lies in first, at most `count`; `to` and large pages refused."""

    def answer(asked: Asked, _handler: object) -> Reply:
        assert asked.params["includeFirst"] == "true"
        assert "to" not in asked.params
        count, start = int(asked.params["count"]), parse_time_seconds(asked.params["from"])
        if count > most:
            return json_reply(400, {"errorMessage": "Maximum value for 'count' exceeded"})
        found = [time for time in times if time + length > start][:count]
        return json_reply(200, body_of([raw_candle(time) for time in found]))

    return answer


def times_between(handler: Handler, from_time: int, to_time: int, page_size: int = 5000) -> tuple[list[int], list[int]]:
    """Return the open times that came, and the counts that were asked for."""
    with serving(handler) as (server, connection):
        pages = candles_between(connection, EUR_USD, MINUTE, from_time, to_time, page_size=page_size)
        times = [one.time for page in pages for one in page.candles]
        return times, [int(asked.params["count"]) for asked in server.asked]


def test_page_asks_for_bid_and_ask_and_says_everything_that_matters() -> None:
    with serving(answers([json_reply(200, body_of([raw_candle(START)], "M5"))])) as (server, connection):
        page = fetch_candles(connection, EUR_USD, 300, from_time=START, count=2)
        [asked] = server.asked
    assert asked.path == "/v3/instruments/EUR_USD/candles"
    assert asked.params == {
        "price": "BA",
        "granularity": "M5",
        "smooth": "false",
        "from": "2024-01-01T00:00:00Z",
        "includeFirst": "true",
        "count": "2",
    }
    candle = Candle(START, 110000, 110020, 109990, 110010, 110012, 110033, 110001, 110022, 7)
    assert page.candles == (Complete(candle),)


@pytest.mark.parametrize("page_size", [2, 3, 10, 5000])
def test_span_comes_whole_once_and_without_its_end_whatever_the_page_size(page_size: int) -> None:
    times = [START + MINUTE * minute for minute in range(40) if minute % 7 not in {3, 4}]
    end = START + 30 * MINUTE
    found, _ = times_between(market(times), START + 5 * MINUTE, end, page_size)
    assert found == [time for time in times if START + 5 * MINUTE <= time < end]


def test_any_market_with_holes_comes_whole() -> None:
    times: list[int] = []

    @given(st.sets(st.integers(0, 60), max_size=25), st.integers(0, 60), st.integers(0, 70), st.integers(2, 9))
    def check(minutes: set[int], first: int, last: int, page_size: int) -> None:
        times[:] = sorted(START + MINUTE * minute for minute in minutes)
        start, end = START + MINUTE * first + 13, START + MINUTE * last
        pages = list(candles_between(connection, EUR_USD, MINUTE, start, end, page_size=page_size))
        found = [one.time for page in pages for one in page.candles]
        assert found == [time for time in times if start <= time < end]
        assert all(page.candles for page in pages)

    with serving(market(times)) as (_, connection):
        check()


def test_pages_shrink_when_oanda_finds_them_too_large() -> None:
    times = [START + MINUTE * minute for minute in range(1200)]
    found, counts = times_between(market(times, most=500), START, START + 1200 * MINUTE)
    assert found == times
    assert counts[:3] == [1202, 601, 300]
    assert max(counts[2:]) <= 300


def test_never_more_than_5000_candles_are_asked_for() -> None:
    times = [START + MINUTE * minute for minute in range(0, 9000, 3)]
    found, counts = times_between(market(times), START, START + 9000 * MINUTE, page_size=99_999)
    assert found == times
    assert max(counts) == 5000


def test_refusal_for_another_reason_ends_the_span() -> None:
    refused = json_reply(400, {"errorMessage": "Invalid value specified for 'instrument'"})
    with pytest.raises(OandaRefusedError, match="check the pair"):
        times_between(answers([refused]), START, START + 600)


def test_span_of_a_closed_market_has_no_pages() -> None:
    assert times_between(market([]), START, START + 172_800) == ([], [2882])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ask": None}, "lacks its bid or its ask side"),
        ({"bid": {"o": "1.100001", "h": "1", "l": "1", "c": "1"}}, "bid price '1.100001' has more than 5 decimals"),
        ({"bid": {"o": "x", "h": "1", "l": "1", "c": "1"}}, "'x' is not a decimal number"),
        ({"volume": "many"}, "volume"),
        ({"volume": 1.5}, "volume"),
        ({"complete": 1}, "complete"),
        ({"time": "2024-01-01T00:01:00.5Z"}, "between two seconds"),
    ],
)
def test_candle_that_cannot_be_taken_is_named_and_spoils_no_other(changes: dict[str, Any], reason: str) -> None:
    raw = [raw_candle(START), raw_candle(START + 60, **changes), raw_candle(START + 120)]
    page = parse_candles(body_of(raw), EUR_USD)
    assert [one.time for one in page.candles if isinstance(one, Complete)] == [START, START + 120]
    found: list[Refused | Timeless] = [*page.timeless, *(one for one in page.candles if isinstance(one, Refused))]
    [refused] = found
    assert "M1 candle of EUR_USD" in refused.reason
    assert reason in refused.reason
    assert json.loads(refused.raw) == raw[1]
    if "time" not in changes:
        assert isinstance(refused, Refused)
        assert refused.time == START + 60
        assert "2024-01-01T00:01:00Z" in refused.reason


def test_refused_candle_is_told_once_in_a_span_of_several_pages() -> None:
    times = [START + MINUTE * minute for minute in range(9)]

    def spoiled(asked: Asked, handler: Any) -> Reply:
        reply = market(times)(asked, handler)
        assert reply is not None
        body = json.loads(reply.content)
        for raw in body["candles"]:
            if raw["time"].startswith(format_time(times[3])[:-1]):
                del raw["bid"]
        return json_reply(200, body)

    with serving(spoiled) as (_, connection):
        pages = list(candles_between(connection, EUR_USD, MINUTE, START, START + 540, page_size=4))
    assert [one.time for page in pages for one in page.candles if isinstance(one, Refused)] == [times[3]]
    assert [one.time for page in pages for one in page.candles] == times


@pytest.mark.parametrize(
    "body",
    [
        body_of([]) | {"instrument": "GBP_USD"},
        body_of([]) | {"granularity": "W"},
        body_of([]) | {"candles": {}},
        {"candles": []},
        body_of([], "M5"),
    ],
)
def test_body_that_is_not_what_was_asked_for_is_asked_for_again_and_at_last_no_answer(body: dict[str, Any]) -> None:
    good = json_reply(200, body_of([]))
    with serving(answers([json_reply(200, body), good])) as (server, connection):
        assert fetch_candles(connection, EUR_USD, MINUTE, count=2).candles == ()
        assert len(server.asked) == 2
    with serving(answers([json_reply(200, body)])) as (_, connection), pytest.raises(OandaUnavailableError):
        fetch_candles(connection, EUR_USD, MINUTE, count=2, patience_seconds=0.0)


def test_latest_candles_of_many_pairs_come_in_one_request() -> None:
    usd_jpy = instrument("USD_JPY")
    side = {"o": "149.001", "h": "149.010", "l": "148.990", "c": "149.000"}
    latest = [
        body_of([raw_candle(START), raw_candle(START + 60, complete=False)]),
        {"instrument": "USD_JPY", "granularity": "M5", "candles": [raw_candle(START, bid=side, ask=side)]},
    ]
    with serving(answers([json_reply(200, {"latestCandles": latest})])) as (server, connection):
        specifications = [CandleSpecification(EUR_USD, 60), CandleSpecification(usd_jpy, 300)]
        euro, yen = latest_candles(connection, specifications)
        [asked] = server.asked
    assert asked.path == f"/v3/accounts/{ACCOUNT}/candles/latest"
    assert asked.params["candleSpecifications"] == "EUR_USD:M1:BA,USD_JPY:M5:BA"
    assert [type(one) for one in euro.candles] == [Complete, Incomplete]
    [one] = yen.candles
    assert isinstance(one, Complete)
    assert (yen.pair, yen.granularity_seconds, one.candle.bid_open) == ("USD_JPY", 300, 149_001)


def test_unix_times_of_candles_are_read_as_well() -> None:
    page = parse_candles(body_of([raw_candle(START, time=f"{START}.000000000")]), EUR_USD)
    assert page.candles[0].time == START
