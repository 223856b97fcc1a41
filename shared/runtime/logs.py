"""Structured logs on stderr: a JSON object to a line, with the service and what the line is about.

On a terminal they are lines for people instead.
"""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO, TypeAlias, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from shared.contracts.concealed import ConcealingStream

Log: TypeAlias = FilteringBoundLogger

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def service_log(service: str, instance: str, level: str = "info") -> Log:
    """Return the log of a service instance; every line names both."""
    # pika writes a traceback for every socket that is lost; whoever tried to reach the broker says so in a line.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    logger: Log = structlog.wrap_logger(
        structlog.WriteLogger(cast("TextIO", ConcealingStream(sys.stderr))),
        processors=_for_people() if sys.stderr.isatty() else _for_programs(),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        service=service,
        instance=instance,
    )
    return logger


@contextmanager
def telling_of_libraries(log: Log) -> Iterator[None]:
    """Tell in a log what libraries warn of, and what ends a thread, for as long as the block lasts."""
    root, hook = logging.getLogger(), threading.excepthook
    handler = _IntoLog(log)
    root.addHandler(handler)

    def ended(arguments: threading.ExceptHookArgs) -> None:
        name = None if arguments.thread is None else arguments.thread.name
        log.error("thread ended", thread=name, exc_info=arguments.exc_value)

    threading.excepthook = ended
    try:
        yield
    finally:
        threading.excepthook = hook
        root.removeHandler(handler)


class _IntoLog(logging.Handler):
    """Writes lines of libraries as ours are written; without a handler they would be plain text between them."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        fault = record.exc_info[1] if record.exc_info else None
        details = {} if fault is None else {"exc_info": fault}
        self._log.log(record.levelno, record.getMessage().strip(), library=record.name, **details)


def _for_programs() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]


def _for_people() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
        _without_service,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]


def _without_service(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Leave out who speaks: at a terminal that is one process."""
    line.pop("service", None)
    line.pop("instance", None)
    return line
