"""What a service tells of itself over HTTP: alive (its loops go round), ready (it can work), and its metrics."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.contracts.concealed import concealed
from shared.contracts.errors import InputError
from shared.runtime.metrics import ServiceMetrics

LONGEST_SILENCE_SECONDS: Final = 60.0


class Health:
    """The state of one service: when its loop last went round, and what it still waits for."""

    def __init__(self, metrics: ServiceMetrics, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin alive and waiting for the start."""
        self.metrics = metrics
        self._monotonic = monotonic
        self._began = monotonic()
        self._last_progress: dict[str, float] = {}
        self._waiting_for: dict[str, str] = {"start": "the service has not finished starting"}

    def progress(self, loop: str = "work") -> None:
        """Note that a loop went round; a process may have several."""
        self._last_progress[loop] = self._monotonic()
        self.metrics.progress.set_to_current_time()

    def waits_for(self, what: str, why: str) -> None:
        """Note a dependency that keeps the service from working; anybody may read why, so secrets are masked."""
        self._waiting_for = {**self._waiting_for, what: concealed(why)}

    def has(self, what: str) -> None:
        """Note that a dependency is there."""
        self._waiting_for = {name: why for name, why in self._waiting_for.items() if name != what}

    def alive(self) -> bool:
        """Return whether every loop went round lately; a missing dependency is no reason to be killed."""
        slowest = min(tuple(self._last_progress.values()), default=self._began)
        return self._monotonic() - slowest < LONGEST_SILENCE_SECONDS

    def missing(self) -> dict[str, str]:
        """Return what the service waits for, and why; nothing when it is ready."""
        return self._waiting_for


class HealthServer:
    """Serve /healthz, /readyz and /metrics in a thread of its own."""

    def __init__(self, health: Health, host: str, port: int) -> None:
        """Listen on host and port; port 0 takes any that is free. Raises InputError where that cannot be done."""
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(health))
        except OSError as fault:
            raise InputError(
                f"cannot listen on {host}:{port} ({fault.strerror}); choose another --health-host or --health-port"
            ) from fault
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> "HealthServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            """Answer as to GET, without the body."""
            self.do_GET()

        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/healthz":
                    alive = health.alive()
                    self._answer(200 if alive else 503, {"alive": alive})
                case "/readyz":
                    missing = health.missing()
                    self._answer(503 if missing else 200, {"ready": not missing, "waiting_for": missing})
                case "/metrics":
                    self._send(200, CONTENT_TYPE_LATEST, generate_latest(health.metrics.registry))
                case _:
                    self._answer(404, {"error": "there are /healthz, /readyz and /metrics"})

        def _answer(self, status: int, document: object) -> None:
            self._send(status, "application/json", json.dumps(document).encode())

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  (the name is the base class's)
            """Keep probes out of the log."""

    return Handler
