"""A process of ours: its name, log, health and metrics, and when it is to stop."""

import os
import signal
import socket
from collections.abc import Callable
from importlib.metadata import version
from types import FrameType
from typing import Self

from shared.runtime.crash import CrashPoint, no_crash
from shared.runtime.health import Health
from shared.runtime.logs import service_log
from shared.runtime.metrics import ServiceMetrics
from shared.runtime.process import Process


class Stop:
    """Set once the process was asked to stop, by Ctrl-C or SIGTERM, for as long as it is entered."""

    def __init__(self) -> None:
        """Begin unasked."""
        self.asked = False
        self._before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def __enter__(self) -> Self:
        for number in self._before:
            signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def own_process(
    service: str,
    stopped: Callable[[], bool],
    instance: str | None = None,
    crash: CrashPoint = no_crash,
    level: str = "info",
) -> Process:
    """Return the outside of a run in this process: it logs to stderr and is not asked for its health."""
    name = instance or f"{service}-{socket.gethostname()}-{os.getpid()}"
    metrics = ServiceMetrics(service, version("scalpbot"))
    return Process(
        service=service,
        instance=name,
        health=Health(metrics),
        metrics=metrics,
        log=service_log(service, name, level),
        stopped=stopped,
        crash=crash,
    )
