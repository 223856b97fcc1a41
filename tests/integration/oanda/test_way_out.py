"""OANDA and the calendar from behind a company's proxy, with certificates by an authority of its own."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from services.ingest.news.source import Fetched, Refusal, Validators, ask_for_calendar
from services.inspection.doctor import examine, readable_settings
from shared.contracts.errors import InputError
from shared.contracts.instruments import instrument
from shared.oanda.account import account_ids
from shared.oanda.connection import OandaConnection
from shared.oanda.errors import OandaUnavailableError
from shared.oanda.pricing import prices
from shared.runtime.oanda_access import connect
from shared.settings.network import way_out
from shared.settings.settings import load_settings
from tests.fixtures.examined import HURRIED, PAIRS, Found, problems, simulated, stored_market
from tests.fixtures.news_site import NOON, NewsSite, news_site
from tests.fixtures.oanda_market import oanda_environment
from tests.integration.oanda.proxied import Certificates, Proxy, behind_tls, certificates
from tests.simulators.oanda import OandaSimulator

REST: Final = "api.oanda.test"
STREAM: Final = "stream.oanda.test"
CALENDAR: Final = "calendar.test"
PLAIN: Final = "plain-calendar.test"
PASSWORD: Final = "moor-kettle-88"  # noqa: S105


class Company(NamedTuple):
    """A network out of which only the proxy leads, with the servers that are outside."""

    simulator: OandaSimulator
    site: NewsSite
    proxy: Proxy
    port: int
    made: Certificates

    def environ(self, **changes: str) -> dict[str, str]:
        """Return the environment of a program inside: its proxy, the authority, and OANDA's addresses."""
        return {
            **oanda_environment(self.simulator),
            "OANDA_REST_URL": f"https://{REST}/v3",
            "OANDA_STREAM_URL": f"https://{STREAM}/v3",
            "HTTPS_PROXY": f"http://someone:{PASSWORD}@127.0.0.1:{self.port}",
            "HTTP_PROXY": f"http://someone:{PASSWORD}@127.0.0.1:{self.port}",
            "SSL_CERT_FILE": str(self.made.authority),
            **changes,
        }

    def connection(self, **changes: str) -> OandaConnection:
        """Return a connection of a program inside."""
        settings = load_settings(None, self.environ(**changes))
        return connect(settings, time.time, sleep=lambda _seconds: None, answer_seconds=5, patience_seconds=0.1)


@pytest.fixture(name="company")
def company_(tmp_path: Path) -> Iterator[Company]:
    made = certificates(tmp_path, [REST, STREAM, CALENDAR])
    with simulated() as simulator, news_site() as site:
        rest, stream = simulator.address.rest_url, simulator.address.stream_url
        plain = site.url.split("/")[2].rpartition(":")
        with (
            behind_tls(rest, made) as at_rest,
            behind_tls(stream, made) as at_stream,
            behind_tls(site.url, made) as at_site,
        ):
            routes = {REST: at_rest, STREAM: at_stream, CALENDAR: at_site, PLAIN: (plain[0], int(plain[2]))}
            proxy = Proxy(routes, "someone", PASSWORD)
            with proxy.running() as port:
                yield Company(simulator, site, proxy, port, made)


def test_oanda_is_asked_and_followed_through_the_proxy(company: Company) -> None:
    with company.connection() as connection:
        assert account_ids(connection) == (company.simulator.account_id,)
        assert prices(connection, [instrument("EUR_USD")]).quotes
        path, query = "/accounts/{accountID}/pricing/stream", {"instruments": "EUR_USD"}
        with connection.stream(path, query, silence_seconds=5) as stream:
            assert next(stream.iter_lines())
    assert set(company.proxy.asked) == {REST, STREAM}


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_calendar_goes_the_same_way(company: Company, scheme: str) -> None:
    way = way_out(load_settings(None, company.environ()))
    host = CALENDAR if scheme == "https" else PLAIN
    answer = ask_for_calendar(f"{scheme}://{host}/week.json", Validators(), NOON, way=way)
    assert isinstance(answer, Fetched), answer
    assert answer.events
    assert company.proxy.asked == [host]


def test_settings_may_name_the_authority_and_win_over_the_environment(company: Company) -> None:
    authority = str(company.made.authority)
    with company.connection(SSL_CERT_FILE="/nowhere", SCALP_BOT_LIVE__CA_FILE=authority) as connection:
        assert account_ids(connection)
    with company.connection(SCALP_BOT_LIVE__PROXY="none") as connection, pytest.raises(OandaUnavailableError):
        account_ids(connection)
    with company.connection(NO_PROXY=".oanda.test") as connection, pytest.raises(OandaUnavailableError):
        account_ids(connection)
    assert company.proxy.asked == [REST]


def test_unknown_authority_is_refused(company: Company) -> None:
    with (
        company.connection(SSL_CERT_FILE="") as connection,
        pytest.raises(OandaUnavailableError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        account_ids(connection)


def test_proxy_that_refuses_is_told_without_its_password(company: Company) -> None:
    wrong = f"http://someone:wrong-{PASSWORD}@127.0.0.1:{company.port}"
    with company.connection(HTTPS_PROXY=wrong) as connection, pytest.raises(OandaUnavailableError) as refused:
        account_ids(connection)
    assert "407" in str(refused.value)
    assert PASSWORD not in str(refused.value)
    way = way_out(load_settings(None, company.environ(HTTPS_PROXY=wrong)))
    answer = ask_for_calendar(f"https://{CALENDAR}/week.json", Validators(), NOON, way=way)
    assert isinstance(answer, Refusal)
    assert "407" in answer.why
    assert PASSWORD not in answer.why


def test_change_that_the_proxy_did_not_let_through_was_not_sent(company: Company) -> None:
    with (
        company.connection(OANDA_REST_URL="https://elsewhere.test") as connection,
        pytest.raises(OandaUnavailableError, match="was not sent"),
    ):
        connection.put("/accounts/{accountID}/positions/EUR_USD/close", {"longUnits": "ALL"})


def looked_at(company: Company, url: str, **changes: str) -> Found:
    settings, findings = readable_settings(None, company.environ(**changes))
    found = (*findings, *examine(settings, url, PAIRS, clock=company.simulator.clock.now, limits=HURRIED))
    return {each.check: each for each in found}


def test_doctor_says_which_way_is_taken(company: Company, tmp_path: Path) -> None:
    found = looked_at(company, stored_market(tmp_path))
    assert problems(found) == {}
    told = found["way out"].sentence
    assert f"through the proxy 127.0.0.1:{company.port} (HTTPS_PROXY)" in told
    assert f"{company.made.authority} (SSL_CERT_FILE)" in told
    assert PASSWORD not in str(found)
    assert found["OANDA host"].sentence.endswith("can be reached")


def test_doctor_says_where_the_way_out_ends(company: Company, tmp_path: Path) -> None:
    url = stored_market(tmp_path)
    unknown = problems(looked_at(company, url, SSL_CERT_FILE=""))
    assert "cannot prove who it is" in unknown["OANDA host"]
    assert "live.ca_file" in unknown["OANDA host"]
    refused = problems(looked_at(company, url, HTTPS_PROXY=f"http://127.0.0.1:{company.port}"))
    assert "407" in refused["OANDA host"]
    gone = problems(looked_at(company, url, HTTPS_PROXY="http://127.0.0.1:9"))
    assert gone["way out"].startswith("the proxy 127.0.0.1:9 cannot be reached")
    spoilt = problems(looked_at(company, url, SSL_CERT_FILE="/nowhere/ca.pem"))
    assert spoilt["way out"].startswith("SSL_CERT_FILE names /nowhere/ca.pem")


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://127.0.0.1:x", "http://127.0.0.1/path?x"])
def test_proxy_of_no_use_matters_only_to_who_goes_out(proxy: str) -> None:
    settings = load_settings(None, {"HTTPS_PROXY": proxy})
    with pytest.raises(InputError, match="HTTPS_PROXY"):
        way_out(settings)
    assert way_out(load_settings(None, {"HTTPS_PROXY": proxy, "SCALP_BOT_LIVE__PROXY": "none"})).https_proxy is None
