"""The simulated OANDA on a good day: what it serves is the series, in the forms and with the texts of OANDA."""

from collections.abc import Iterator
from itertools import dropwhile, islice, takewhile
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.columns import CandleSeries
from shared.core.types import Candle
from tests.fixtures.paper import sample_series
from tests.simulators.oanda import CandleKey, OandaSimulator, VirtualClock
from tests.simulators.oanda.bare_client import BareClient, lines_of
from tests.simulators.oanda.moments import NANOSECONDS, format_moment, parse_moment

MONDAY_MORNING = 1_710_746_100  # 2024-03-18 07:15 UTC, the open time of a candle
FIVE_MINUTES = 300


@pytest.fixture(scope="module")
def series() -> list[CandleSeries]:
    return sample_series()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(MONDAY_MORNING + 130)


@pytest.fixture
def simulator(series: list[CandleSeries], clock: VirtualClock) -> Iterator[OandaSimulator]:
    with OandaSimulator(series, clock, heartbeat_seconds=0.05) as simulator:
        yield simulator


@pytest.fixture
def client(simulator: OandaSimulator) -> Iterator[BareClient]:
    with BareClient(simulator) as client:
        yield client


def iso(seconds: float) -> str:
    return format_moment(round(seconds * NANOSECONDS))


def rows(series: CandleSeries) -> list[Candle]:
    return list(series.candles())


def candle_of(body: dict[str, Any], digits: int = 5) -> Candle:
    points = [round(float(body[side][part]) * 10**digits) for side in ("bid", "ask") for part in "ohlc"]
    return Candle._make([parse_moment(body["time"]) // NANOSECONDS, *points, float(body["volume"])])


# Candles.


@pytest.fixture(scope="module")
def finished(series: list[CandleSeries]) -> Iterator[OandaSimulator]:
    """A simulator at the end of its series, for tests that only ask for candles."""
    with OandaSimulator(series, VirtualClock(int(series[0].time[-1]) + FIVE_MINUTES)) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def finished_client(finished: OandaSimulator) -> Iterator[BareClient]:
    with BareClient(finished) as client:
        yield client


@pytest.fixture(scope="module")
def everything(series: list[CandleSeries]) -> list[Candle]:
    return rows(series[0])


@given(data=st.data())
def test_candles_from_anywhere_are_the_rows_of_the_series(
    data: st.DataObject, everything: list[Candle], finished: OandaSimulator, finished_client: BareClient
) -> None:
    start = data.draw(st.integers(everything[0].time - 5000, everything[-1].time), label="from")
    count = data.draw(st.integers(1, 40), label="count")
    include_first = data.draw(st.booleans(), label="include first")
    found = finished_client.candles(**{"from": iso(start)}, count=count, includeFirst=str(include_first).lower())
    covering = start - start % FIVE_MINUTES
    expected = [row for row in everything if row.time >= covering + (0 if include_first else 1)][:count]
    assert [candle_of(body) for body in found] == expected
    keys = [CandleKey("EUR_USD", FIVE_MINUTES, row.time) for row in expected]
    assert [finished.served[key] for key in keys] == [[row] for row in expected]


def test_pages_put_together_are_the_whole_series(simulator: OandaSimulator, client: BareClient) -> None:
    simulator.clock.advance(30 * 86_400)
    expected = rows(sample_series("USD_JPY")[0])
    found: list[Candle] = []
    start = iso(expected[0].time)
    while page := client.candles("USD_JPY", **{"from": start}, count=1000, includeFirst="false" if found else "true"):
        found += [candle_of(body, digits=3) for body in page]
        start = page[-1]["time"]
    assert found == expected


def test_candle_grows_with_its_quotes_and_then_completes(simulator: OandaSimulator, client: BareClient) -> None:
    early = client.candles(count=1)[0]
    assert (early["complete"], early["time"]) == (False, iso(MONDAY_MORNING))
    simulator.clock.advance(FIVE_MINUTES - 130 - 0.001)
    almost = client.candles(count=1)[0]
    assert not almost["complete"]
    assert almost["volume"] >= early["volume"]
    assert almost["bid"]["h"] >= early["bid"]["h"]
    simulator.clock.advance(0.001)
    [done] = [each for each in client.candles(count=2) if each["time"] == early["time"]]
    assert done["complete"]
    assert candle_of(done) == next(row for row in rows(sample_series("EUR_USD")[0]) if row.time == MONDAY_MORNING)


def test_latest_candles_are_the_last_complete_one_and_the_current(client: BareClient) -> None:
    found = client.get("candles/latest", candleSpecifications="EUR_USD:M5:BA,USD_JPY:H1:M")["latestCandles"]
    assert [(each["instrument"], each["granularity"]) for each in found] == [("EUR_USD", "M5"), ("USD_JPY", "H1")]
    assert [[bar["complete"] for bar in each["candles"]] for each in found] == [[True, False]] * 2


def test_bars_of_four_hours_begin_at_the_hours_of_new_york(simulator: OandaSimulator, client: BareClient) -> None:
    found = client.candles(granularity="H4", count=3)
    assert [each["time"][11:16] for each in found] == ["21:00", "01:00", "05:00"]
    last_night = [row for row in rows(sample_series("EUR_USD")[0]) if iso(row.time)[11:16] >= "21:00" or row.time > 0]
    start = parse_moment(found[1]["time"]) // NANOSECONDS
    part = [row for row in last_night if start <= row.time < start + 4 * 3600]
    bar = candle_of(found[1])
    assert bar.bid_high == max(row.bid_high for row in part)
    assert bar.ask_low == min(row.ask_low for row in part)
    assert (bar.bid_open, bar.ask_close) == (part[0].bid_open, part[-1].ask_close)
    assert bar.volume == sum(row.volume for row in part)


def test_range_within_a_weekend_has_no_candles(simulator: OandaSimulator, client: BareClient) -> None:
    saturday = MONDAY_MORNING - 2 * 86_400
    assert client.candles(**{"from": iso(saturday), "to": iso(saturday + 3600)}) == []


def test_times_are_unix_seconds_if_asked_for(simulator: OandaSimulator) -> None:
    with BareClient(simulator, unix_times=True) as client:
        found = client.candles(**{"from": str(MONDAY_MORNING - 600), "to": f"{MONDAY_MORNING}.000000000"})
        assert [each["time"] for each in found] == [
            f"{MONDAY_MORNING - 600}.000000000",
            f"{MONDAY_MORNING - 300}.000000000",
        ]
        assert client.error("/instruments/EUR_USD/candles", granularity="M5", to="2024-01-01T00:00:00Z")[0] == 400


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"from": "2024-03-15T00:00:00Z", "to": "2024-03-15T01:00:00Z", "count": "3"},
         "'count' cannot be specified when 'to' and 'from' parameters are set"),
        ({"to": "2024-03-18T07:17:10.000000001Z"}, "Invalid value specified for 'to'. Time is in the future"),
        ({"count": "5001"}, "Maximum value for 'count' exceeded"),
        ({"from": "2024-02-01T00:00:00Z", "to": "2024-03-01T00:00:00Z"}, "Maximum value for 'count' exceeded"),
        ({"count": "0"}, "Invalid value specified for 'count'"),
        ({"count": "-1"}, "Invalid value specified for 'count'"),
        ({"price": "X"}, "Invalid value specified for 'price'"),
        ({"granularity": "M3"}, "Invalid value specified for 'granularity'"),
        ({"granularity": "S5"}, "The simulator cannot make S5 bars of its candles of EUR_USD"),
        ({"from": "yesterday"}, "Invalid value specified for 'from'"),
        ({"includeFirst": "maybe"}, "Invalid value specified for 'includeFirst'"),
        ({"dailyAlignment": "24"}, "Invalid value specified for 'dailyAlignment'"),
        ({"alignmentTimezone": "Mars"}, "Invalid value specified for 'alignmentTimezone'"),
    ],
)  # fmt: skip
def test_bad_candle_request_is_refused_in_words(client: BareClient, params: dict[str, str], message: str) -> None:
    assert client.error("/instruments/EUR_USD/candles", **{"granularity": "M5"} | params) == (400, message)


# Who may ask for what.


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/instruments/XXX_YYY/candles?granularity=M5", 400, "Invalid value specified for 'instrument'"),
        ("GET", "/accounts/1234567/summary", 400, "Invalid value specified for 'accountID'"),
        ("GET", "/accounts/101-004-7654321-001/summary", 403, "The provided request was forbidden."),
        ("GET", "/nothing/here", 404, "The requested resource could not be found"),
        ("DELETE", "summary", 405, "The method is not allowed for the requested resource"),
        ("GET", "positions/EUR_USD", 404, "The Position requested does not exist"),
        ("GET", "trades/77", 404, "The Trade specified does not exist"),
        ("GET", "orders/@mine", 404, "The Order specified does not exist"),
        ("GET", "transactions/77", 404, "The transaction ID specified does not exist"),
        ("GET", "changes?sinceTransactionID=77", 416, "The Transaction ID range specified cannot be satisfied"),
        ("GET", "transactions/sinceid?id=77", 416, "The Transaction ID range specified cannot be satisfied"),
        ("GET", "transactions/idrange?from=2&to=1", 416, "The Transaction ID range specified cannot be satisfied"),
        ("GET", "transactions/sinceid", 400, "The request was missing required data"),
        ("GET", "candles/latest", 400, "The request was missing required data"),
        ("POST", "orders", 400, "The request was missing required data"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    client: BareClient, method: str, path: str, status: int, message: str
) -> None:
    answer = client.ask(method, path)
    assert (answer.status_code, answer.json()["errorMessage"]) == (status, message)


def test_token_of_the_other_environment_is_refused_before_anything_else(simulator: OandaSimulator) -> None:
    with BareClient(simulator, token=simulator.wrong_token) as client:
        for path in ("summary", "/nothing/here"):
            assert client.error(path) == (401, "Insufficient authorization to perform request.")


def test_environments_have_their_own_tokens_and_accounts(series: list[CandleSeries], clock: VirtualClock) -> None:
    with OandaSimulator(series, clock, environment="live") as live, OandaSimulator(series, clock) as practice:
        assert (live.account_id[:4], practice.account_id[:4]) == ("001-", "101-")
        assert live.token == practice.wrong_token != practice.token


def test_every_request_is_remembered_also_refused_ones(simulator: OandaSimulator, client: BareClient) -> None:
    client.get("summary")
    client.order(1000)
    client.ask("GET", "/nothing/here", colour="red")
    found = [(each.method, each.path.rpartition("/")[2], dict(each.params)) for each in simulator.requests]
    assert found == [("GET", "summary", {}), ("POST", "orders", {}), ("GET", "here", {"colour": "red"})]
    [order] = simulator.changing_requests
    assert '"units":"1000"' in order.body.replace(" ", "")
    assert order.time == simulator.now()


def test_connection_is_kept_for_many_requests(simulator: OandaSimulator, client: BareClient) -> None:
    for _ in range(5):
        client.get("summary")
    assert simulator.connections == 1


# The clock.


def test_clock_tells_clients_the_time_of_the_market(simulator: OandaSimulator) -> None:
    body = httpx.get(simulator.address.clock_url).json()
    assert body["nowNanoseconds"] == (MONDAY_MORNING + 130) * NANOSECONDS
    assert (body["now"], body["speed"]) == (iso(MONDAY_MORNING + 130), 0.0)
    assert body["realNanoseconds"] > MONDAY_MORNING * NANOSECONDS
    assert simulator.requests == []


def test_running_clock_never_stands_still_or_goes_back() -> None:
    clock = VirtualClock(MONDAY_MORNING, speed=1e6)
    seen = [clock.now_nanoseconds() for _ in range(100)]
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]


def test_skipped_weekend_lasts_three_minutes_and_keeps_the_hour_of_new_york() -> None:
    # The clocks of New York went forward on 10 March 2024.
    friday_close, sunday_opening = 1_709_935_200, 1_710_104_400
    clock = VirtualClock(friday_close - 60, skips_weekends=True)
    clock.advance(60 + 120 - 1)
    assert clock.now() == friday_close + 119
    clock.advance(1 + 60)
    assert clock.now() == sunday_opening
    clock.advance(5 * 86_400 + 180 + 7)
    assert clock.now() == sunday_opening + 7 * 86_400 + 7


# Prices.


def test_quotes_of_a_candle_touch_its_extremes_and_nothing_beyond(
    simulator: OandaSimulator, client: BareClient
) -> None:
    pair = "GBP_USD"
    row = next(row for row in rows(sample_series(pair)[0]) if row.time > MONDAY_MORNING + 130)
    simulator.clock.advance(row.time - simulator.now())
    with client.stream(pair, snapshot="false") as pieces:
        lines = lines_of(pieces)
        assert next(lines)["type"] == "HEARTBEAT"
        simulator.clock.advance(FIVE_MINUTES)
        prices: list[dict[str, Any]] = []
        for line in lines:
            if line["type"] == "HEARTBEAT" and prices:
                break
            prices += [line] if line["type"] == "PRICE" else []
    bids = [round(float(line["bids"][0]["price"]) * 1e5) for line in prices]
    asks = [round(float(line["asks"][0]["price"]) * 1e5) for line in prices]
    assert [bids[0], max(bids), min(bids), bids[-1]] == [row.bid_open, row.bid_high, row.bid_low, row.bid_close]
    assert [asks[0], max(asks), min(asks), asks[-1]] == [row.ask_open, row.ask_high, row.ask_low, row.ask_close]


def test_quotes_of_every_candle_make_that_candle(simulator: OandaSimulator, series: list[CandleSeries]) -> None:
    for row in rows(series[2])[:2000]:
        ticks = simulator.ticks_between("USD_JPY", row.time - 1e-9, row.time + FIVE_MINUTES - 1e-6)
        bids, asks = [tick.bid for tick in ticks], [tick.ask for tick in ticks]
        assert (bids[0], max(bids), min(bids), bids[-1]) == row[1:5]
        assert (asks[0], max(asks), min(asks), asks[-1]) == row[5:9]
        assert all(tick.bid <= tick.ask for tick in ticks)
        assert ticks == sorted(ticks)


def test_stream_begins_with_a_snapshot_and_beats_without_prices(client: BareClient) -> None:
    with client.stream("EUR_USD", "USD_JPY") as pieces:
        first, second, *others = islice(lines_of(pieces), 5)
    assert [first["instrument"], second["instrument"]] == ["EUR_USD", "USD_JPY"]
    assert [line["type"] for line in others] == ["HEARTBEAT"] * 3
    assert others[0]["time"] == iso(MONDAY_MORNING + 130)


def test_stream_sends_the_last_price_of_each_quarter_second(simulator: OandaSimulator, client: BareClient) -> None:
    begin = simulator.now()
    with client.stream(snapshot="false") as pieces:
        lines = lines_of(pieces)
        next(lines)
        simulator.clock.advance(86_400)
        prices = [line["time"] for line in takewhile(lambda line: line["type"] == "PRICE", _from_first_price(lines))]
    ticks = simulator.ticks_between("EUR_USD", begin, begin + 86_400)
    last = {(tick.time - round(begin * NANOSECONDS) - 1) // (NANOSECONDS // 4): tick.time for tick in ticks}
    assert prices == [format_moment(time) for time in last.values()]
    assert len(prices) < len(ticks)


def _from_first_price(lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return dropwhile(lambda line: line["type"] != "PRICE", lines)


def test_changed_prices_alone_are_told_since_a_time(simulator: OandaSimulator, client: BareClient) -> None:
    first = client.get("pricing", instruments="EUR_USD,USD_JPY")
    assert len(first["prices"]) == 2
    assert client.get("pricing", instruments="EUR_USD,USD_JPY", since=first["time"])["prices"] == []
    simulator.clock.advance(FIVE_MINUTES)
    assert len(client.get("pricing", instruments="EUR_USD,USD_JPY", since=first["time"])["prices"]) == 2


def test_weekend_has_one_stale_price_and_no_trading(simulator: OandaSimulator, client: BareClient) -> None:
    simulator.clock.advance(5 * 86_400)
    [price] = client.get("pricing", instruments="EUR_USD")["prices"]
    assert (price["tradeable"], price["status"], price["time"][:10]) == (False, "non-tradeable", "2024-03-22")
    assert len(price["bids"]) == 1
    with client.stream() as pieces:
        types = [line["type"] for line in islice(lines_of(pieces), 4)]
    assert types == ["PRICE", "HEARTBEAT", "HEARTBEAT", "HEARTBEAT"]
    answer = client.order(1000)
    assert answer.status_code == 201
    assert answer.json()["orderCancelTransaction"]["reason"] == "MARKET_HALTED"
