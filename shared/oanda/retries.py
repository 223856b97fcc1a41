"""How long to wait before a question is put again, and when to stop asking."""

from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

TOO_MANY_REQUESTS: Final = 429
UNAUTHORIZED: Final = 401
_SHORTEST_SECONDS: Final = 0.05
_FIRST_CEILING_SECONDS: Final = 0.5
_HIGHEST_CEILING_SECONDS: Final = 15.0
# A token that was refused was seen to work three seconds later.
_UNAUTHORIZED_SECONDS: Final = (1.0, 2.0, 4.0)


class Trouble(NamedTuple):
    """Why a try gave no usable answer; `status` is None without one, `wait_seconds` is what the server asked for.

    `unauthorized` says that OANDA itself refused the token.
    """

    reason: str
    status: int | None = None
    wait_seconds: float | None = None
    unauthorized: bool = False


class RetryPauses:
    """The pauses between the tries of one question: doubling ceilings with full jitter, until patience ends."""

    def __init__(self, patience_seconds: float, monotonic: Callable[[], float], jitter: Callable[[], float]) -> None:
        """Allow `patience_seconds` from now on; `jitter` returns numbers from 0 to 1."""
        self._end = monotonic() + patience_seconds
        self._monotonic = monotonic
        self._jitter = jitter
        self._ceiling_seconds = _FIRST_CEILING_SECONDS
        self._unauthorized = 0
        self.tries = 1

    def next_seconds(self, trouble: Trouble) -> float | None:
        """Return the pause before the next try, None to stop; a refused token gets three more tries whatever else."""
        self.tries += 1
        if trouble.unauthorized:
            return self._unauthorized_seconds()
        pause = max(self._jitter() * self._ceiling_seconds, trouble.wait_seconds or 0.0, _SHORTEST_SECONDS)
        self._ceiling_seconds = min(2 * self._ceiling_seconds, _HIGHEST_CEILING_SECONDS)
        if self._monotonic() + pause > self._end:
            self.tries -= 1
            return None
        return pause

    def _unauthorized_seconds(self) -> float | None:
        if self._unauthorized == len(_UNAUTHORIZED_SECONDS):
            self.tries -= 1
            return None
        longest = _UNAUTHORIZED_SECONDS[self._unauthorized]
        self._unauthorized += 1
        return longest * (1 + self._jitter()) / 2


def retry_after_seconds(headers: Mapping[str, str], now_seconds: float) -> float | None:
    """Return what a Retry-After header asks for, in seconds from now; None without a readable one."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal() and text.isascii():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now_seconds)
