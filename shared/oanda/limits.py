"""How often OANDA may be asked: turns are given out so that no second holds more of them than allowed."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

REQUESTS_PER_SECOND: Final = 100
CONNECTIONS_PER_SECOND: Final = 2
# The server counts arrivals, and what was sent a second apart may arrive a little closer.
_WINDOW_SECONDS: Final = 1.02


class RateLimiter:
    """At most so many turns in any span of so many seconds, for all threads together."""

    def __init__(
        self, most_turns: int, span_seconds: float, monotonic: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        """Allow `most_turns` in `span_seconds`; `monotonic` and `sleep` are in seconds."""
        self._span_seconds = span_seconds
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._turns: deque[float] = deque(maxlen=most_turns)

    def wait(self) -> float:
        """Wait for a turn and return the seconds waited; turns are given in the order of asking."""
        with self._lock:
            now = turn = self._monotonic()
            if len(self._turns) == self._turns.maxlen:
                turn = max(now, self._turns[0] + self._span_seconds)
            self._turns.append(turn)
        if turn > now:
            self._sleep(turn - now)
        return turn - now


class OandaLimits(NamedTuple):
    """The turns for requests and for new connections; OANDA counts per IP address, so connections share one."""

    requests: RateLimiter
    connections: RateLimiter


def oanda_limits(monotonic: Callable[[], float], sleep: Callable[[float], None]) -> OandaLimits:
    """Return the limits of OANDA's best practices: 100 requests and 2 new connections a second."""
    return OandaLimits(
        RateLimiter(REQUESTS_PER_SECOND, _WINDOW_SECONDS, monotonic, sleep),
        RateLimiter(CONNECTIONS_PER_SECOND, _WINDOW_SECONDS, monotonic, sleep),
    )
