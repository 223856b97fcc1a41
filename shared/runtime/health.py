"""What a service tells of itself: alive (its loops go round), ready (it can work), and its metrics."""

import time
from collections.abc import Callable
from typing import Final

from shared.contracts.concealed import concealed
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
