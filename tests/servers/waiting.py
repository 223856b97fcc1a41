"""Wait for something that another process does."""

import time
from collections.abc import Callable
from typing import Final

_PAUSE_SECONDS: Final = 0.02


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Return as soon as the condition holds; raises TimeoutError, naming what was waited for, after some seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(_PAUSE_SECONDS)
