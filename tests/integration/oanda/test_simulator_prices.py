"""The simulated OANDA's prices on a bad day: odd books, halts, and streams that break, stall or stutter."""

import json
from collections.abc import Iterator
from itertools import islice

import httpx
import pytest

from shared.core.columns import CandleSeries
from tests.fixtures.paper import sample_series
from tests.simulators.oanda import Faults, OandaSimulator, StreamFault, VirtualClock
from tests.simulators.oanda.bare_client import BareClient, lines_of

MONDAY_MORNING = 1_710_746_100  # 2024-03-18 07:15 UTC, the open time of a candle
ROLLOVER = 1_710_795_600  # 17:00 in New York on that day


@pytest.fixture(scope="module")
def series() -> list[CandleSeries]:
    return sample_series()


@pytest.fixture
def simulator(series: list[CandleSeries]) -> Iterator[OandaSimulator]:
    with OandaSimulator(series, VirtualClock(MONDAY_MORNING), heartbeat_seconds=0.05) as simulator:
        yield simulator


@pytest.fixture
def faults(simulator: OandaSimulator) -> Faults:
    return simulator.faults


@pytest.fixture
def client(simulator: OandaSimulator) -> Iterator[BareClient]:
    with BareClient(simulator) as client:
        yield client


# Prices.


def test_depth_may_come_unsorted_or_not_at_all(client: BareClient, faults: Faults) -> None:
    def bids() -> list[str]:
        [found] = client.get("pricing", instruments="EUR_USD")["prices"]
        return [level["price"] for level in found["bids"]]

    sorted_bids = bids()
    faults.unsorted_depth = True
    assert bids() == sorted_bids[::-1] != sorted_bids
    faults.empty_books = True
    assert bids() == []
    assert client.order(1).json()["orderCancelTransaction"]["reason"] == "INSUFFICIENT_LIQUIDITY"


def test_daily_break_halts_five_minutes_of_trading(
    simulator: OandaSimulator, client: BareClient, faults: Faults
) -> None:
    faults.daily_break = True
    simulator.clock.advance(ROLLOVER - 121 - simulator.now())
    found = []
    for _ in range(3):
        found.append(client.get("pricing", instruments="EUR_USD")["prices"][0]["tradeable"])
        simulator.clock.advance(150)
    assert found == [True, False, False]
    assert client.get("pricing", instruments="EUR_USD")["prices"][0]["tradeable"]


def test_rollover_widens_the_spread_for_an_hour(simulator: OandaSimulator, client: BareClient, faults: Faults) -> None:
    def spread() -> int:
        [found] = client.get("pricing", instruments="EUR_USD")["prices"]
        return round((float(found["asks"][0]["price"]) - float(found["bids"][0]["price"])) * 1e5)

    simulator.clock.advance(ROLLOVER + 200 - simulator.now())
    usual = spread()
    faults.rollover_widening = True
    assert spread() == usual + 28
    simulator.clock.advance(3600)
    usual = spread()
    faults.rollover_widening = False
    assert spread() == usual


def test_market_going_into_a_halt_says_so_on_the_stream(simulator: OandaSimulator, client: BareClient) -> None:
    with client.stream() as pieces:
        lines = lines_of(pieces)
        assert next(lines)["tradeable"]
        simulator.faults.market_halted = True
        simulator.clock.advance(1)
        assert not next(line for line in islice(lines, 500) if line["type"] == "PRICE")["tradeable"]


# The stream.


@pytest.mark.parametrize("fault", [StreamFault.ABRUPT_CLOSE, StreamFault.CUT_LINE])
def test_stream_that_is_cut_ends_without_an_end(client: BareClient, faults: Faults, fault: StreamFault) -> None:
    with client.stream() as pieces:
        next(pieces)
        faults.schedule_stream(fault)
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            list(pieces)


def test_stalled_stream_is_silent_but_stays_open(simulator: OandaSimulator, client: BareClient, faults: Faults) -> None:
    url = f"{simulator.address.stream_url}/accounts/{simulator.account_id}/pricing/stream"
    headers = {"Authorization": f"Bearer {simulator.token}"}
    for scheduled in (False, True):
        faults.stream_silent = not scheduled
        if scheduled:
            faults.schedule_stream(StreamFault.SILENT_STALL)
        stream = httpx.stream("GET", url, params={"instruments": "EUR_USD"}, headers=headers, timeout=0.5)
        with stream as answer, pytest.raises(httpx.ReadTimeout):
            next(answer.iter_raw())
    with client.stream() as pieces:
        assert next(lines_of(pieces))["type"] == "PRICE"


def test_prices_can_stop_while_heartbeats_go_on(simulator: OandaSimulator, client: BareClient, faults: Faults) -> None:
    for by_schedule in (True, False):
        with client.stream(snapshot="false") as pieces:
            lines = lines_of(pieces)
            if by_schedule:
                faults.schedule_stream(StreamFault.PRICES_STOP)
                next(lines)
            faults.stream_prices_stopped = not by_schedule
            simulator.clock.advance(3600)
            assert {line["type"] for line in islice(lines, 5)} == {"HEARTBEAT"}


def test_garbage_line_stands_between_good_ones(client: BareClient, faults: Faults) -> None:
    with client.stream(snapshot="false") as pieces:
        faults.schedule_stream(StreamFault.GARBAGE_LINE)
        found = b"".join(islice(pieces, 4)).splitlines()
    assert not is_json(found[0])
    assert all(map(is_json, found[1:-1]))


def is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def test_lines_can_arrive_byte_by_byte(client: BareClient, faults: Faults) -> None:
    faults.stream_split_bytes = 1
    with client.stream() as pieces:
        lines = list(islice(lines_of(pieces), 2))
    assert [line["type"] for line in lines] == ["PRICE", "HEARTBEAT"]


def test_two_streams_are_both_served(simulator: OandaSimulator, client: BareClient) -> None:
    with client.stream() as first, client.stream() as second:
        assert [next(lines_of(pieces))["type"] for pieces in (first, second)] == ["PRICE", "PRICE"]
    assert simulator.streams == 2


def test_stream_has_a_host_of_its_own(simulator: OandaSimulator, client: BareClient) -> None:
    assert client.error("pricing/stream", instruments="EUR_USD")[0] == 404
    headers = {"Authorization": f"Bearer {simulator.token}"}
    answer = httpx.get(f"{simulator.address.stream_url}/accounts/{simulator.account_id}/summary", headers=headers)
    assert answer.status_code == 404
