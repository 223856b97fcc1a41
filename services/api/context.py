"""What the API works with, given from outside."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from prometheus_client import Counter, Histogram
from structlog.typing import FilteringBoundLogger

from services.api.security.passwords import Passwords
from shared.anchors.places import NO_ANCHORS, KnownAnchors
from shared.runtime.crash import CrashPoint, no_crash
from shared.runtime.health import Health
from shared.settings.settings import Settings
from shared.store.port import Store

SERVICE: Final = "api"
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@dataclass(frozen=True)
class Platform:
    """The store, the settings, the outside of the process, and whether TLS ends before us.

    `token` returns a new unguessable text of at least 128 bits, `clock` the time of day in seconds.
    """

    store: Store
    settings: Settings
    passwords: Passwords
    health: Health
    log: FilteringBoundLogger
    instance: str
    version: str
    clock: Callable[[], float]
    token: Callable[[], str]
    stopped: Callable[[], bool]
    behind_tls: bool = False
    crash: CrashPoint = no_crash
    anchors: KnownAnchors = NO_ANCHORS


class Measures:
    """The figures of the API in the registry of its service; routes are named as they are declared."""

    def __init__(self, health: Health) -> None:
        """Begin at zero."""
        registry = health.metrics.registry
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
