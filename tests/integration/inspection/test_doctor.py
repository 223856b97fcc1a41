"""`doctor` and OANDA: each thing that can be wrong is told in one sentence, and hides nothing else."""

import socket
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from services.inspection.doctor import CheckResult, examine, readable_settings
from tests.fixtures.examined import (
    HURRIED,
    NOW,
    OANDA,
    SATURDAY,
    black_hole,
    examined,
    is_skipped,
    problems,
    simulated,
    stored_market,
    verdicts,
)
from tests.fixtures.oanda_market import STEP_SECONDS, market_series, oanda_environment
from tests.simulators.oanda import Faults, ResponseFault


@pytest.fixture(name="url")
def url_(tmp_path: Path) -> str:
    return stored_market(tmp_path)


def test_everything_in_order_is_ok(url: str) -> None:
    with simulated() as simulator:
        found = examined(simulator, url)
    assert {name: each for name, each in found.items() if each.verdict is not CheckResult.OK} == {}
    assert "EUR_USD M5 up to 2024-01-03T16:15:00Z" in found["stored candles"].sentence
    assert "1.0 h old" in found["news calendar"].sentence
    assert simulator.changing_requests == []


def test_wrong_token_is_the_only_problem_and_hides_nothing_of_the_database(url: str) -> None:
    with simulated() as simulator:
        found = examined(simulator, url, OANDA_API_KEY=simulator.wrong_token)
    [(check, sentence)] = problems(found).items()
    assert check == "OANDA token"
    assert "works in one environment only" in sentence
    assert is_skipped(found, *OANDA[1:])
    assert verdicts(found, "store", "audit chain", "stored candles", "news calendar", "OANDA host") == {CheckResult.OK}


def test_token_with_a_blank_in_it_is_told_without_asking(url: str) -> None:
    with simulated() as simulator:
        found = examined(simulator, url, OANDA_API_KEY="two words")
        assert simulator.requests == []
    assert "copy it once more" in problems(found)["OANDA token"]


def test_foreign_account_is_told_apart_from_a_wrong_token(url: str) -> None:
    with simulated() as simulator:
        found = examined(simulator, url, OANDA_ACCOUNT_ID="101-004-7654321-001")
    [(check, sentence)] = problems(found).items()
    assert check == "OANDA account"
    assert "403" in sentence
    assert found["OANDA token"].verdict is CheckResult.OK


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"OANDA_ENV": "live"}, "it is a practice account, but the environment is live"),
        ({"OANDA_ACCOUNT_ID": "001-004-1234567-001"}, "it is a live account, but the environment is practice"),
        ({"OANDA_ACCOUNT_ID": "8765432"}, "as MT4 logins are"),
    ],
)
def test_account_of_the_other_environment_is_told_and_not_asked_for(
    url: str, environ: dict[str, str], said: str
) -> None:
    with simulated() as simulator:
        found = examined(simulator, url, HURRIED, None, **environ)
        assert [request for request in simulator.requests if request.path != "/v3/accounts"] == []
    [(check, sentence)] = problems(found).items()
    assert check == "OANDA account id"
    assert said in sentence
    assert is_skipped(found, *OANDA[1:])


@pytest.mark.parametrize(
    ("skew", "verdict", "way"),
    [
        (4.0, CheckResult.OK, "behind"),
        (30.0, CheckResult.WARNING, "30.0 s behind"),
        (-30.0, CheckResult.WARNING, "30.0 s ahead of"),
        (90.0, CheckResult.PROBLEM, "90.0 s behind"),
    ],
)
def test_clock_of_this_machine_is_compared_with_that_of_oanda(
    url: str, skew: float, verdict: CheckResult, way: str
) -> None:
    with simulated(faults=Faults(clock_skew_seconds=skew)) as simulator:
        found = examined(simulator, url)
    assert found["clock"].verdict is verdict
    assert way in found["clock"].sentence
    assert set(problems(found)) <= {"clock"}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ResponseFault.CLOUDFLARE, "HTTP 520 instead of data"),
        (ResponseFault.UNAVAILABLE, "HTTP 503 instead of data"),
        (ResponseFault.HTML, "a web page came instead of data"),
        (ResponseFault.TOO_MANY_REQUESTS, "sends too many requests"),
        (ResponseFault.DROPPED, "does not answer"),
    ],
)
def test_what_is_no_answer_is_told_in_plain_words(url: str, fault: ResponseFault, said: str) -> None:
    with simulated() as simulator:
        simulator.faults.schedule(fault, times=50)
        found = examined(simulator, url)
    [(check, sentence)] = problems(found).items()
    assert check == "OANDA token"
    assert said in sentence
    assert "<" not in sentence
    assert is_skipped(found, *OANDA[1:])


def test_maintenance_of_one_endpoint_leaves_the_other_checks_standing(url: str) -> None:
    with simulated() as simulator:
        simulator.faults.schedule(ResponseFault.CLOUDFLARE, times=50, path="/instruments")
        found = examined(simulator, url)
    assert set(problems(found)) == {"OANDA instruments"}
    assert verdicts(found, "clock", "OANDA prices") == {CheckResult.OK}


def test_refused_token_that_works_a_moment_later_is_accepted(url: str) -> None:
    with simulated() as simulator:
        simulator.faults.schedule(ResponseFault.UNAUTHORIZED)
        assert problems(examined(simulator, url)) == {}


def test_black_holed_host_is_told_and_the_stream_host_is_judged_by_itself(url: str) -> None:
    with black_hole() as nowhere, simulated() as simulator:
        found = examined(simulator, url, OANDA_REST_URL=nowhere)
        assert found["OANDA stream host"].verdict is CheckResult.OK
        assert "does not answer within 0.5 s" in problems(found)["OANDA host"]
        assert is_skipped(found, *OANDA)
        found = examined(simulator, url, OANDA_STREAM_URL=nowhere)
        assert set(problems(found)) == {"OANDA stream host"}


def test_host_that_takes_connections_and_never_answers_is_told(url: str) -> None:
    with simulated() as simulator, socket.create_server(("127.0.0.1", 0)) as silent:
        found = examined(simulator, url, OANDA_REST_URL=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert "does not answer in time" in problems(found)["OANDA token"]


def test_address_that_refuses_connections_and_name_that_does_not_exist_are_told(url: str) -> None:
    # Bound and not listening: nobody else can take the port meanwhile, and it refuses all the same.
    with simulated() as simulator, socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))
        port = refusing.getsockname()[1]
        found = examined(
            simulator, url, OANDA_REST_URL=f"http://127.0.0.1:{port}", OANDA_STREAM_URL="https://stream.invalid"
        )
    assert "refuses connections" in problems(found)["OANDA host"]
    assert "cannot be resolved" in problems(found)["OANDA stream host"]


@pytest.mark.parametrize("served", ["OANDA-has-no-such-page", "accounts"])
def test_server_that_is_not_oanda_is_told_without_its_page(url: str, tmp_path: Path, served: str) -> None:
    (tmp_path / "v3" / served).mkdir(parents=True)
    pages = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), pages) as server, simulated() as simulator:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        found = examined(simulator, url, OANDA_REST_URL=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert "instead of OANDA's answer" in problems(found)["OANDA token"]
    assert "<" not in problems(found)["OANDA token"]


def test_check_that_hangs_is_a_problem_and_the_others_are_told(url: str) -> None:
    with simulated() as simulator, socket.create_server(("127.0.0.1", 0)) as silent:
        limits = HURRIED._replace(answer_seconds=60.0, whole_seconds=3.0)
        found = examined(simulator, url, limits, OANDA_REST_URL=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert "no result within 3 s" in problems(found)["OANDA token"]
    assert is_skipped(found, *OANDA[1:])
    assert verdicts(found, "store", "stored candles") == {CheckResult.OK}


def test_pair_that_the_account_does_not_trade_is_told(url: str) -> None:
    with simulated() as simulator:
        settings, _ = readable_settings(None, oanda_environment(simulator))
        findings = examine(settings, url, ("EUR_USD", "NZD_CAD"), clock=simulator.clock.now, limits=HURRIED)
    found = {finding.check: finding for finding in findings}
    assert "does not trade NZD_CAD" in problems(found)["OANDA instruments"]
    assert found["OANDA prices"].verdict is CheckResult.OK
    assert "no candle of NZD_CAD is stored" in found["stored candles"].sentence


def test_old_candles_prices_and_news_are_warnings_while_the_market_is_open(url: str) -> None:
    with simulated(now=NOW + 4 * STEP_SECONDS) as simulator:
        assert examined(simulator, url)["stored candles"].verdict is CheckResult.WARNING
    # The candles of the simulator have ended an hour before.
    with simulated(now=int(market_series().time[-1]) + 3900) as simulator:
        found = examined(simulator, url)
    assert verdicts(found, "stored candles", "OANDA prices", "news calendar") == {CheckResult.WARNING}
    assert "EUR_USD" in found["OANDA prices"].sentence
    assert "it counts as missing" in found["news calendar"].sentence
    assert problems(found) == {}


def test_nothing_is_too_old_while_the_market_is_closed(url: str) -> None:
    with simulated(now=SATURDAY) as simulator:
        found = examined(simulator, url)
    assert verdicts(found, "stored candles", "OANDA prices") == {CheckResult.OK}
    assert "the market is closed" in found["stored candles"].sentence


def test_halted_market_is_a_warning(url: str) -> None:
    with simulated(faults=Faults(market_halted=True)) as simulator:
        found = examined(simulator, url)
    assert found["OANDA prices"].verdict is CheckResult.WARNING
    assert "does not trade EUR_USD now" in found["OANDA prices"].sentence
