"""Structured logs: one JSON object to a line on stderr, with the service and what the line is about."""

import logging
import sys
from typing import Final, TypeAlias

import structlog
from structlog.typing import FilteringBoundLogger

Log: TypeAlias = FilteringBoundLogger

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def service_log(service: str, instance: str, level: str = "info") -> Log:
    """Return the log of a service instance; every line names both."""
    # pika writes a traceback for every socket that is lost; whoever tried to reach the broker says so in a line.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    logger: Log = structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        service=service,
        instance=instance,
    )
    return logger
