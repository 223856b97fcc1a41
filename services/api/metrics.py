"""What the API counts and measures."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class ApiMetrics:
    """The figures of the API; routes are named as they are declared."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "scalpbot_api_requests_total", "Requests answered", ["method", "route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "scalpbot_api_request_seconds",
            "From a request to the end of its answer",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.logins = Counter("scalpbot_api_logins_total", "Attempts to sign in", ["outcome"], registry=registry)
