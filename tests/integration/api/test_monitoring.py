"""What those who watch the API from outside are told: its health, and its figures."""

import pytest

from tests.fixtures.api import Api, families
from tests.fixtures.api_stores import quick_api, url

__all__ = ["quick_api", "url"]


def test_the_api_shows_the_figures_of_its_own_area_alone(quick_api: Api) -> None:
    assert families(quick_api.get("/metrics").text) == {
        "scalpbot_api_requests_total",
        "scalpbot_api_request_seconds",
        "scalpbot_api_logins_total",
        "scalpbot_http_refused_total",
        "scalpbot_build_info",
        "scalpbot_loop_progress_timestamp_seconds",
    }


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_monitor_that_asks_for_the_head_alone_is_told_what_one_that_gets_is(quick_api: Api, path: str) -> None:
    headers = quick_api.sign_in("admin").headers
    head = quick_api.client.head(path, headers=headers)
    assert head.status_code == quick_api.client.get(path, headers=headers).status_code == 200
    assert not head.content
    assert quick_api.client.head("/metrics").status_code == 401
    assert quick_api.client.head("/api/trades", headers=headers).status_code == 405
