"""Without TLS the application answers under this machine's own names only."""

import json

import pytest

from shared.web.inbound.refusals import HEADERS
from tests.fixtures.api import Api, running
from tests.fixtures.api_stores import quick_api

__all__ = ["quick_api"]

OTHER_NAMES = ["scalpbot.example", "192.0.2.7:8080", "localhost.scalpbot.example", "[::1", ""]
# Read as a part of an address, these would lead here; as a header they are none.
NO_NAMES = ["evil@localhost", "localhost/evil", "localhost?evil", "localhost#evil", "localhost:evil", "localhost:99999"]


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080"])
def test_own_name_is_answered(quick_api: Api, host: str) -> None:
    assert quick_api.client.get("/healthz", headers={"Host": host}).json() == {"alive": True}


@pytest.mark.parametrize("host", OTHER_NAMES + NO_NAMES)
def test_another_name_is_refused_with_the_way_to_mend_it(quick_api: Api, host: str) -> None:
    refused = quick_api.client.get("/api/status", headers={"Host": host})
    assert refused.status_code == 421
    assert "use http://localhost, or put TLS in front" in refused.json()["detail"]
    assert refused.json()["request_id"] == refused.headers["x-request-id"]


def test_what_is_refused_for_its_name_is_guarded_counted_and_told_like_any_answer(quick_api: Api) -> None:
    refused = quick_api.client.get("/api/status", headers={"Host": "scalpbot.example"})
    assert {name: refused.headers.get(name) for name in HEADERS} == dict(HEADERS)
    figures = quick_api.get("/metrics").text
    assert 'scalpbot_api_requests_total{method="GET",route="other",status="421"} 1.0' in figures
    line = json.loads(quick_api.log.getvalue().splitlines()[-1])
    assert (line["event"], line["why"], line["path"]) == ("refused", "another host's name", "/api/status")


def test_behind_tls_any_name_is_answered(quick_api: Api) -> None:
    with running(quick_api.store, behind_tls=True) as api:
        assert api.client.get("/healthz", headers={"Host": "scalpbot.example"}).status_code == 200
