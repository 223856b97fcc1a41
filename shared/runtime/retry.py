"""Waiting for a dependency: tries again with growing, jittered pauses until it works or the process is to stop."""

from collections.abc import Callable
from typing import TypeVar

from shared.bus.backoff import Backoff
from shared.contracts.errors import InfrastructureError

Result = TypeVar("Result")


def patience(jitter: Callable[[], float]) -> Backoff:
    """Return the pauses between tries to reach a dependency: from a quarter of a second to four."""
    return Backoff(0.25, 4.0, jitter)


def retry_until(
    attempt: Callable[[], Result],
    pauses: Backoff,
    sleep: Callable[[float], None],
    stopped: Callable[[], bool],
    on_failure: Callable[[InfrastructureError, float], None],
) -> Result | None:
    """Return what the attempt returns, trying again on InfrastructureError; None once the process is to stop."""
    while not stopped():
        try:
            return attempt()
        except InfrastructureError as fault:
            pause = pauses.next_seconds()
            on_failure(fault, pause)
            sleep(pause)
    return None
