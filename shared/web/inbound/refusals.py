"""What is answered where the server itself refuses, and how that is counted and told."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from prometheus_client import CollectorRegistry, Counter

# Why a connection was closed, or a request not passed on: a closed set, since each is a label.
Reason: TypeAlias = Literal[
    "displaced", "request_late", "answer_not_taken", "malformed", "head_too_large", "upgrade", "no_place"
]

HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
)


class InboundMetrics:
    """The figures of a server's connections."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.refused = Counter(
            "scalpbot_http_refused_total",
            "Connections that were closed, and requests that were refused, before anything looked at them",
            ["server", "reason"],
            registry=registry,
        )


def plain_problem(status: HTTPStatus, detail: str) -> bytes:
    """Return the document that refuses what never became a request (RFC 9457)."""
    return json.dumps({"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}).encode()
