"""Prices and the price stream: the best of the book, nothing lost between chunks, and silence noticed."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.errors import InfrastructureError, MessageError
from shared.contracts.instruments import instrument
from shared.oanda.pricing import ClientPrice, PricingHeartbeat, PricingStream, parse_prices, prices
from shared.oanda.streaming import LineSplitter
from shared.oanda.times import parse_time_nanoseconds
from tests.unit.oanda.stand_in import ACCOUNT, Asked, FakeTime, Handler, Reply, answers, json_reply, serving

EUR_USD = instrument("EUR_USD")
TIME = "2017-09-24T22:20:39.888097022Z"
NANOSECONDS = parse_time_nanoseconds(TIME)


def raw_price(**changes: Any) -> dict[str, Any]:
    return {
        "type": "PRICE",
        "time": TIME,
        "bids": [{"price": "1.19195", "liquidity": 10000000}, {"price": "1.19197", "liquidity": "500000"}],
        "asks": [{"price": "1.19218", "liquidity": 10000000}, {"price": "1.19216", "liquidity": 500000}],
        "closeoutBid": "1.19180",
        "closeoutAsk": "1.19233",
        "status": "tradeable",
        "tradeable": True,
        "instrument": "EUR_USD",
    } | changes


HEARTBEAT = {"type": "HEARTBEAT", "time": TIME}
QUOTE = ClientPrice("EUR_USD", NANOSECONDS, 119_197, 119_216, True)


def quote_of(**changes: Any) -> ClientPrice:
    [quote] = parse_prices({"prices": [raw_price(**changes)]}, [EUR_USD]).quotes
    return quote


def test_best_prices_are_found_wherever_they_stand_in_the_book() -> None:
    assert quote_of() == QUOTE


@pytest.mark.parametrize("side", ["bids", "asks"])
def test_pair_with_an_empty_side_is_not_tradeable(side: str) -> None:
    nothing: list[object] = []
    for empty in (nothing, None):
        quote = quote_of(**{side: empty})
        assert not quote.tradeable
        assert (quote.bid is None) == (side == "bids")


def test_old_forms_without_tradeable_are_read_by_their_status() -> None:
    assert quote_of(tradeable=None).tradeable
    assert not quote_of(tradeable=None, status="non-tradeable").tradeable
    assert not quote_of(tradeable=None, status=None).tradeable
    assert not quote_of(tradeable=False).tradeable


def test_one_bad_price_spoils_no_other() -> None:
    bad = raw_price(instrument="USD_JPY", bids=[{"price": "149.0001"}])
    body = {"time": TIME, "prices": [bad, raw_price(), raw_price(instrument="XAU_USD")]}
    with serving(answers([json_reply(200, body)])) as (server, connection):
        snapshot = prices(connection, [EUR_USD, instrument("USD_JPY")])
        [asked] = server.asked
    assert asked.path == f"/v3/accounts/{ACCOUNT}/pricing"
    assert asked.params == {"instruments": "EUR_USD,USD_JPY"}
    assert snapshot.time_nanoseconds == NANOSECONDS
    assert snapshot.quotes == (QUOTE,)
    assert ["USD_JPY" in snapshot.unreadable[0], "XAU_USD" in snapshot.unreadable[1]] == [True, True]


def test_body_without_prices_is_a_message_error() -> None:
    with pytest.raises(MessageError):
        parse_prices({"time": TIME}, [EUR_USD])


@given(st.lists(st.binary(max_size=12)), st.lists(st.integers(0, 80)))
def test_bytes_give_the_same_lines_however_they_are_split(lines: list[bytes], cuts: list[int]) -> None:
    data = b"\n".join(lines)
    bounds = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    splitter = LineSplitter()
    split = [line for start, end in pairwise(bounds) for line in splitter.feed(data[start:end])]
    whole = [line for line in map(bytes.strip, data.split(b"\n")[:-1]) if line]
    assert split == whole
    assert splitter.unfinished_bytes == len(data.split(b"\n")[-1])


def streaming(write: Callable[[Callable[[bytes], None]], None]) -> Handler:
    """Answer with a chunked stream; `write` gets a function that sends one chunk, and the stream is cut after it."""

    def answer(_asked: Asked, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()

        def chunk(data: bytes) -> None:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            handler.wfile.flush()

        write(chunk)

    return answer


def streamed(handler: Handler, silence_seconds: float = 5.0) -> tuple[list[ClientPrice | PricingHeartbeat], int, str]:
    """Return what a stream yielded, how many lines were passed over, and the error that ended it."""
    found: list[ClientPrice | PricingHeartbeat] = []
    with (
        serving(handler) as (_, connection),
        PricingStream(connection, [EUR_USD], silence_seconds=silence_seconds) as stream,
    ):
        with pytest.raises(InfrastructureError) as caught:
            found.extend(stream)
        return found, stream.skipped_lines, str(caught.value)


def test_stream_yields_prices_and_heartbeats_however_the_chunks_fall() -> None:
    lines = [json.dumps(raw_price()), "", json.dumps(HEARTBEAT), json.dumps(raw_price(bids=[]))]
    data = "\r\n".join(lines).encode() + b"\n"

    def write(chunk: Callable[[bytes], None]) -> None:
        chunk(data + data[:17])
        chunk(data[17:40])
        chunk(data[40:])

    found, skipped, ending = streamed(streaming(write))
    assert found == [QUOTE, PricingHeartbeat(NANOSECONDS), QUOTE._replace(bid=None, tradeable=False)] * 2
    assert skipped == 0
    assert "broke" in ending


def test_lines_of_unknown_kinds_are_passed_over_and_counted() -> None:
    odd = [{"type": "NEWS"}, {}, raw_price(instrument="GBP_USD"), raw_price(bids=[{"price": "1.1234567"}]), [1]]
    data = b"".join(json.dumps(line).encode() + b"\n" for line in [*odd, HEARTBEAT]) + b"not json\n"
    found, skipped, _ = streamed(streaming(lambda chunk: chunk(data)))
    assert found == [PricingHeartbeat(NANOSECONDS)]
    assert skipped == 6


def test_stream_that_the_server_ends_is_an_error_and_no_quiet_end() -> None:
    def write(chunk: Callable[[bytes], None]) -> None:
        chunk(json.dumps(HEARTBEAT).encode() + b"\n")
        chunk(b"")

    found, _, ending = streamed(streaming(write))
    assert found == [PricingHeartbeat(NANOSECONDS)]
    assert "ended by the server" in ending


def test_silent_stream_is_an_error_that_says_so() -> None:
    over = threading.Event()

    def write(chunk: Callable[[bytes], None]) -> None:
        chunk(json.dumps(HEARTBEAT).encode() + b"\n")
        over.wait(30)

    try:
        found, _, ending = streamed(streaming(write), silence_seconds=0.2)
    finally:
        over.set()
    assert found == [PricingHeartbeat(NANOSECONDS)]
    assert "nothing arrived for 0.2 s" in ending


def test_stream_that_sends_bytes_but_no_lines_is_silent_too() -> None:
    time = FakeTime()

    def write(chunk: Callable[[bytes], None]) -> None:
        with suppress(ConnectionError):
            while True:
                time.now += 1.0
                chunk(b" ")

    with (
        serving(streaming(write), time) as (_, connection),
        pytest.raises(InfrastructureError, match="no whole line for 10 s"),
    ):
        list(PricingStream(connection, [EUR_USD]))


@pytest.mark.parametrize("status", [400, 401, 403, 429, 503, 520])
def test_refused_stream_is_an_infrastructure_error_with_its_status(status: int) -> None:
    found, _, ending = streamed(answers([json_reply(status, {"errorMessage": "Not now."})]))
    assert found == []
    assert f"HTTP {status}, Not now" in ending


def test_stream_asks_with_snapshot_on_its_own_host() -> None:
    with serving(answers([Reply(503)])) as (server, connection):
        with pytest.raises(InfrastructureError):
            list(PricingStream(connection, [EUR_USD, instrument("USD_JPY")]))
        [asked] = server.asked
    assert asked.path == f"/v3/accounts/{ACCOUNT}/pricing/stream"
    assert asked.params == {"instruments": "EUR_USD,USD_JPY", "snapshot": "true"}
    assert asked.headers["accept-encoding"] == "identity"


def test_stream_is_closed_from_another_thread_while_it_waits() -> None:
    over = threading.Event()

    def write(chunk: Callable[[bytes], None]) -> None:
        chunk(json.dumps(HEARTBEAT).encode() + b"\n")
        over.wait(60)

    first, found = threading.Event(), []
    with serving(streaming(write)) as (_, connection):
        stream = PricingStream(connection, [EUR_USD], silence_seconds=60.0)

        def read() -> None:
            for line in stream:
                found.append(line)
                first.set()

        reader = threading.Thread(target=read)
        reader.start()
        assert first.wait(30)
        stream.close()
        reader.join(30)
        over.set()
        assert not reader.is_alive()
    assert found == [PricingHeartbeat(NANOSECONDS)]


def test_stream_that_was_closed_before_it_began_yields_nothing() -> None:
    with serving(answers([Reply(503)])) as (server, connection):
        stream = PricingStream(connection, [EUR_USD])
        stream.close()
        assert list(stream) == []
        assert server.asked == []
