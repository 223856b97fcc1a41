"""How long refusals are borne: once OANDA has answered, being refused is an outage for an hour before it is the end."""

from collections.abc import Callable
from typing import Final, TypeVar

from services.ingest.live.source import FeedRefusedError
from shared.contracts.errors import InputError
from shared.oanda.errors import OandaRefusedError, OandaUnauthorizedError, OandaUnavailableError, refuses

# OANDA stands behind a proxy and pauses for maintenance; what it refuses then, it grants again later.
LONGEST_REFUSAL_SECONDS: Final = 3600.0
_MINUTE_SECONDS: Final = 60.0

Answer = TypeVar("Answer")


class Tolerance:
    """Asks on behalf of a run that is to go on: what refuses it is away, until that has lasted for too long."""

    def __init__(self, monotonic: Callable[[], float], *, answered_before: bool) -> None:
        """Begin with a feed that has answered before, or one whose own refusal would be the first that it says."""
        self._monotonic = monotonic
        self._answered_before = answered_before
        self._refused_since: float | None = None

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Return the answer to a question.

        Raises FeedRefusedError for a refusal that may pass, InputError for one that lasted for
        LONGEST_REFUSAL_SECONDS, and OANDA's own refusal as it is where nothing was ever answered.
        """
        try:
            answer = question()
        except (OandaRefusedError, OandaUnauthorizedError) as refused:
            if not self._answered_before:
                raise
            raise self._borne(refused) from refused
        except OandaUnavailableError as fault:
            if refuses(fault.status):
                raise self._borne(fault) from fault
            self._refused_since = None
            raise
        self._refused_since = None
        self._answered_before = True
        return answer

    def _borne(self, refused: Exception) -> FeedRefusedError | InputError:
        now = self._monotonic()
        if self._refused_since is None:
            self._refused_since = now
        lasted = now - self._refused_since
        if lasted < LONGEST_REFUSAL_SECONDS:
            return FeedRefusedError(str(refused), lasted)
        minutes = LONGEST_REFUSAL_SECONDS / _MINUTE_SECONDS
        return InputError(f"{refused}; it has been so for {minutes:.0f} minutes without one answer in between")
