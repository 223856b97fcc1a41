"""The simulated OANDA on a bad day: every fault does what it says, and only that."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from shared.core.columns import CandleSeries
from tests.fixtures.paper import SAMPLE, sample_series
from tests.repository import ROOT
from tests.simulators.oanda import BarKey, CandleKey, Faults, OandaSimulator, ResponseFault, StreamFault, VirtualClock
from tests.simulators.oanda.bare_client import BareClient
from tests.simulators.oanda.moments import NANOSECONDS, format_moment, parse_moment

MONDAY_MORNING = 1_710_746_100  # 2024-03-18 07:15 UTC, the open time of a candle
FIVE_MINUTES = 300
ROLLOVER = 1_710_795_600  # 17:00 in New York on that day
APPLIED = {
    ResponseFault.RESET_AFTER,
    ResponseFault.RESET_MIDWAY,
    ResponseFault.DROPPED,
    ResponseFault.ERROR_AFTER_APPLYING,
    ResponseFault.SLOW,
    ResponseFault.TRUNCATED,
}
STATUS = {
    ResponseFault.UNAUTHORIZED: 401,
    ResponseFault.TOO_MANY_REQUESTS: 429,
    ResponseFault.TOO_MANY_REQUESTS_RETRY_AFTER: 429,
    ResponseFault.INTERNAL_ERROR: 500,
    ResponseFault.BAD_GATEWAY: 502,
    ResponseFault.UNAVAILABLE: 503,
    ResponseFault.TIMEOUT: 504,
    ResponseFault.CLOUDFLARE: 520,
    ResponseFault.HTML: 200,
    ResponseFault.OTHER_SHAPE: 200,
    ResponseFault.FORBIDDEN: 403,
    ResponseFault.FORBIDDEN_PAGE: 403,
    ResponseFault.NOT_FOUND: 404,
    ResponseFault.NOT_FOUND_PAGE: 404,
    ResponseFault.MOVED: 302,
    ResponseFault.ERROR_AFTER_APPLYING: 504,
    ResponseFault.LATE_LANDING: 504,
    ResponseFault.RESET_AFTER: 201,
    ResponseFault.SLOW: 201,
    ResponseFault.TRUNCATED: 201,
}
HTML = {
    ResponseFault.BAD_GATEWAY,
    ResponseFault.UNAVAILABLE,
    ResponseFault.CLOUDFLARE,
    ResponseFault.HTML,
    ResponseFault.FORBIDDEN_PAGE,
    ResponseFault.NOT_FOUND_PAGE,
    ResponseFault.MOVED,
}


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


def iso(seconds: float) -> str:
    return format_moment(round(seconds * NANOSECONDS))


# Answers.


@pytest.mark.parametrize("fault", ResponseFault)
def test_faulty_answer_looks_as_it_is_called_and_tells_nothing_of_what_was_done(
    simulator: OandaSimulator, client: BareClient, fault: ResponseFault
) -> None:
    simulator.faults.schedule(fault, path="orders")
    try:
        answer = client.order(100)
    except httpx.TransportError:
        assert fault not in STATUS
    else:
        assert answer.status_code == STATUS[fault]
        assert answer.headers["Content-Type"].startswith("text/html" if fault in HTML else "application/json")
    assert simulator.open_units("EUR_USD") == (100 if fault in APPLIED else 0)
    if fault is not ResponseFault.RESET_AFTER:
        assert client.order(1).status_code == 201


def test_reset_before_is_a_reset_and_not_an_end(client: BareClient, faults: Faults) -> None:
    for fault in (ResponseFault.RESET_BEFORE, ResponseFault.DROPPED):
        faults.schedule(fault)
        with pytest.raises(httpx.ReadError):
            client.get("summary")


def test_connection_that_breaks_after_an_answer_is_not_used_again(
    simulator: OandaSimulator, client: BareClient, faults: Faults
) -> None:
    faults.schedule(ResponseFault.RESET_AFTER)
    client.get("summary")
    # The break may overtake the next request; a client that sent it cannot know whether it was carried out.
    with suppress(httpx.TransportError):
        client.get("summary")
    client.get("summary")
    assert simulator.connections == 2


def test_retry_after_is_told_only_where_asked_for(client: BareClient, faults: Faults) -> None:
    faults.retry_after_seconds = 7
    faults.schedule(ResponseFault.TOO_MANY_REQUESTS)
    faults.schedule(ResponseFault.TOO_MANY_REQUESTS_RETRY_AFTER)
    found = [client.ask("GET", "summary").headers.get("Retry-After") for _ in range(3)]
    assert found == [None, "7", None]


def test_slow_answer_is_slower_than_a_client_waits(simulator: OandaSimulator, faults: Faults) -> None:
    faults.slow_seconds_real = 60.0
    faults.schedule(ResponseFault.SLOW)
    url = f"{simulator.address.rest_url}/accounts/{simulator.account_id}/summary"
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(url, headers={"Authorization": f"Bearer {simulator.token}"}, timeout=0.2)


def test_truncated_body_is_good_http_but_no_json(simulator: OandaSimulator, client: BareClient, faults: Faults) -> None:
    for count in (1, 100):  # the second is sent compressed
        faults.schedule(ResponseFault.TRUNCATED)
        answer = client.ask("GET", "/instruments/EUR_USD/candles", granularity="M5", count=count)
        assert answer.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            answer.json()
    assert simulator.served == {}


def test_late_order_lands_when_the_market_has_moved_on(
    simulator: OandaSimulator, client: BareClient, faults: Faults
) -> None:
    faults.late_landing_seconds = 600
    faults.schedule(ResponseFault.LATE_LANDING)
    before = len(simulator.transactions)
    assert client.order(100, clientExtensions={"id": "mine"}).status_code == 504
    simulator.clock.advance(599)
    assert len(simulator.transactions) == before
    simulator.clock.advance(1)
    [create, fill] = simulator.transactions[before:]
    assert (create["clientExtensions"]["id"], fill["clientOrderID"]) == ("mine", "mine")
    assert create["time"].nanoseconds == (MONDAY_MORNING + 600) * NANOSECONDS


def test_fault_for_a_path_leaves_others_alone(client: BareClient, faults: Faults) -> None:
    faults.schedule(ResponseFault.UNAVAILABLE, times=2, path="candles")
    assert client.ask("GET", "summary").status_code == 200
    statuses = [client.ask("GET", "/instruments/EUR_USD/candles", granularity="M5").status_code for _ in range(3)]
    assert statuses == [503, 503, 200]


def test_too_many_requests_in_a_second_are_refused(client: BareClient, faults: Faults) -> None:
    faults.requests_per_second_real = 3
    statuses = [client.ask("GET", "summary").status_code for _ in range(30)]
    assert statuses[:3] == [200] * 3
    assert 429 in statuses


# Who asks, and when.


def test_stale_token_and_wrong_account_last_until_switched_off(client: BareClient, faults: Faults) -> None:
    faults.stale_token = True
    assert [client.error("summary")[0] for _ in range(3)] == [401] * 3
    faults.stale_token, faults.wrong_account = False, True
    assert [client.error("summary")[0] for _ in range(3)] == [403] * 3
    faults.wrong_account = False
    client.get("summary")


def test_skewed_server_refuses_the_present_as_future(
    simulator: OandaSimulator, client: BareClient, faults: Faults
) -> None:
    faults.clock_skew_seconds = -90.0
    now = simulator.now()
    message = "Invalid value specified for 'to'. Time is in the future"
    assert client.error("/instruments/EUR_USD/candles", granularity="M5", to=iso(now)) == (400, message)
    assert client.get("pricing", instruments="EUR_USD")["time"] == iso(now - 90)
    date = client.ask("GET", "summary").headers["Date"]
    assert date.endswith("07:13:30 GMT")


# Candles.


def test_late_candle_is_listed_as_incomplete_until_its_own_moment(
    simulator: OandaSimulator, client: BareClient, faults: Faults
) -> None:
    faults.late_completion_seconds = 45.0
    ended = [iso(MONDAY_MORNING - FIVE_MINUTES)]
    seen = []
    for _ in range(46):
        seen += [each["complete"] for each in client.candles(count=2) if each["time"] in ended]
        simulator.clock.advance(1)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (False, True)
    delays = {round(faults.completion_delay_seconds("EUR_USD", FIVE_MINUTES, time)) for time in range(0, 90_000, 300)}
    assert min(delays) < 3
    assert 42 < max(delays) <= 45


def test_first_candle_is_lost_only_where_the_request_does_not_ask_for_it(client: BareClient, faults: Faults) -> None:
    faults.include_first_quirk = True
    start = MONDAY_MORNING - 10 * FIVE_MINUTES

    def times(**more: str) -> list[int]:
        found = client.candles(**{"from": iso(start)}, count=4, **more)
        return [(parse_moment(each["time"]) // NANOSECONDS - start) // FIVE_MINUTES for each in found]

    assert (times(), times(includeFirst="true"), times(includeFirst="false")) == ([1, 2, 3], [0, 1, 2, 3], [1, 2, 3])
    faults.include_first_quirk = False
    assert (times(), times(includeFirst="false")) == ([0, 1, 2, 3], [1, 2, 3, 4])


def test_incomplete_candles_can_be_left_out(simulator: OandaSimulator, client: BareClient, faults: Faults) -> None:
    simulator.clock.advance(200)
    assert [each["complete"] for each in client.candles(count=2)] == [True, False]
    faults.omits_incomplete_bars = True
    assert [each["complete"] for each in client.candles(count=2)] == [True, True]


def test_missing_candle_was_never_there(simulator: OandaSimulator, client: BareClient, faults: Faults) -> None:
    gone = MONDAY_MORNING - 2 * FIVE_MINUTES
    before = client.candles(count=6)
    faults.missing = {BarKey("EUR_USD", gone)}
    assert [each["time"] for each in client.candles(count=5)] == [
        each["time"] for each in before if each["time"] != iso(gone)
    ]
    assert iso(gone) in [each["time"] for each in client.candles("GBP_USD", count=6)]
    assert gone not in [candle.time for candle in simulator.existing_candles("EUR_USD")]


def test_revised_candle_changes_once_after_it_was_complete(
    simulator: OandaSimulator, client: BareClient, faults: Faults
) -> None:
    time = MONDAY_MORNING - FIVE_MINUTES
    faults.revised, faults.revised_after_seconds = {BarKey("EUR_USD", time)}, 600.0
    forms = []
    for _ in range(5):
        forms += [each for each in client.candles(count=6) if each["time"] == iso(time)]
        simulator.clock.advance(FIVE_MINUTES)
    assert all(each["complete"] for each in forms)
    assert forms[0] == forms[1] != forms[2] == forms[3] == forms[4]
    assert len(simulator.served[CandleKey("EUR_USD", FIVE_MINUTES, time)]) == 2


def test_smaller_page_limit_is_refused_in_words(client: BareClient, faults: Faults) -> None:
    faults.max_candle_count = 500
    message = "Maximum value for 'count' exceeded"
    assert client.error("/instruments/EUR_USD/candles", granularity="M5", count=501) == (400, message)
    assert len(client.candles(count=500)) == 500


# Chance.


def test_same_seed_brings_the_same_faults_and_all_kinds_come() -> None:
    first, again, other = (Faults.random(seed, 0.5) for seed in (3, 3, 4))
    drawn = [[faults.next_response(number, "") for number in range(1, 600)] for faults in (first, again, other)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert set(drawn[0]) == {None, *ResponseFault}
    assert {first.next_line(1, number) for number in range(4000)} == {None, *StreamFault}
    assert (first.missing_rate, first.revised_rate) == (0, 0)
    assert Faults.random(3, 0.5, alters_history=True).missing_rate > 0


def complete_candles_from(client: BareClient, start: int) -> list[int]:
    """Return the times of a page's complete candles, none if it did not arrive in one piece."""
    answer = []
    with suppress(httpx.TransportError, ValueError, AssertionError, KeyError):
        answer = client.candles(**{"from": iso(start), "includeFirst": "true"}, count=500)
    return [parse_moment(each["time"]) // NANOSECONDS for each in answer if each["complete"]]


@pytest.mark.parametrize("seed", range(3))
def test_patient_client_gets_every_candle_through_random_faults(series: list[CandleSeries], seed: int) -> None:
    faults = Faults.random(seed, 0.3, alters_history=True)
    faults.slow_seconds_real = 0.001
    with OandaSimulator(series, VirtualClock(MONDAY_MORNING), faults) as simulator, BareClient(simulator) as client:
        # After the last candle no quote comes that might complete it.
        existing = [candle.time for candle in simulator.existing_candles("EUR_USD")][:-1]
        found = existing[:1]
        while found[-1] < existing[-1]:
            found += [time for time in complete_candles_from(client, found[-1]) if time > found[-1]]
            simulator.clock.advance(86_400)
        assert found[: len(existing)] == existing
        assert {key.time for key in simulator.served} >= set(found)
        assert simulator.changing_requests == []


# The command.


def test_command_serves_files_until_it_is_told_to_stop() -> None:
    files = ["--csv", str(SAMPLE / "EUR_USD_M5_sample.csv"), "--csv", f"USD_JPY={SAMPLE / 'USD_JPY_M5_sample.csv'}"]
    options = ["--speed", "60", "--start", "2024-03-18T07:15:00Z", "--faults", "1:0.0", "--skip-weekends"]
    command = [sys.executable, "-m", "tests.simulators.oanda", *files, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        headers = {"Authorization": f"Bearer {told['token']}"}
        found = httpx.get(f"{told['rest_url']}/accounts/{told['account_id']}/instruments", headers=headers).json()
        assert [each["name"] for each in found["instruments"]] == ["EUR_USD", "USD_JPY"]
        clock = httpx.get(told["clock_url"]).json()
        assert (clock["now"][:13], clock["speed"]) == ("2024-03-18T07", 60.0)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_command_refuses_a_file_that_is_not_there() -> None:
    command = [sys.executable, "-m", "tests.simulators.oanda", "--csv", "EUR_USD=nowhere.csv"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert finished.returncode == 2
    assert "nowhere.csv does not exist" in finished.stderr
