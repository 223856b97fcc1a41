"""A process of ours: its name, log, health and metrics, and when it is to stop."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version

from services.cli.stopping import Stop
from shared.runtime.crash import CrashPoint, crash_at, no_crash, wanted_crash
from shared.runtime.health import Health, HealthServer
from shared.runtime.logs import service_log
from shared.runtime.metrics import ServiceMetrics
from shared.runtime.process import Process


def own_process(
    service: str, stopped: Callable[[], bool], instance: str | None = None, crash: CrashPoint = no_crash
) -> Process:
    """Return the outside of a run in this process: it logs to stderr and is not asked for its health."""
    name = instance or f"{service}-{socket.gethostname()}-{os.getpid()}"
    metrics = ServiceMetrics(service, version("scalpbot"))
    return Process(
        service=service,
        instance=name,
        health=Health(metrics),
        metrics=metrics,
        log=service_log(service, name),
        stopped=stopped,
        crash=crash,
    )


@contextmanager
def served_process(service: str, instance: str | None, host: str, port: int) -> Iterator[Process]:
    """Give a service its outside for as long as the block lasts: asked for its health over HTTP, and told to stop."""
    crash = crash_at(wanted_crash(os.environ))
    with Stop() as stop:
        process = own_process(service, lambda: stop.asked, instance, crash)
        with HealthServer(process.health, host, port) as server:
            process.log.info("starting", health_port=server.port)
            yield process
