"""How often a user may send commands: enough for any person, and a brake on a program that has gone wild.

The counts are this process's own: a restart forgets them, and of several processes each has its own.
"""

from collections import defaultdict, deque
from collections.abc import Callable
from http import HTTPStatus
from math import ceil
from threading import Lock
from typing import Final

from services.api.problems import ProblemError
from shared.contracts.commands import CommandType

COMMANDS_PER_MINUTE: Final = 60
_SECONDS: Final = 60.0


class CommandRate:
    """Count what each user sent in the last minute; switching everything off has a count of its own."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: dict[tuple[int, bool], deque[float]] = defaultdict(deque)
        self._lock = Lock()

    def count(self, user_id: int, kind: CommandType) -> None:
        """Count one command; raise ProblemError with the seconds to wait where there were enough."""
        now = self._clock()
        with self._lock:
            sent = self._sent[user_id, kind is CommandType.KILL_SWITCH_ON]
            # A time to come is there only where the clock was set back, and would hold for as long.
            while sent and not 0 <= now - sent[0] < _SECONDS:
                sent.popleft()
            if len(sent) >= COMMANDS_PER_MINUTE:
                wait = max(1, ceil(_SECONDS - (now - sent[0])))
                detail = f"more than {COMMANDS_PER_MINUTE} commands in a minute; wait"
                raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": str(wait)})
            sent.append(now)

    def uncount(self, user_id: int, kind: CommandType) -> None:
        """Take one back: it was known already."""
        with self._lock:
            if sent := self._sent[user_id, kind is CommandType.KILL_SWITCH_ON]:
                sent.pop()
