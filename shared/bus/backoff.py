"""How long to wait before the next try: doubling up to a limit, with chance, so that many do not come back at once."""

from collections.abc import Callable


class Backoff:
    """Delays of a series of tries; each lies between half and the whole of what doubling gives."""

    def __init__(self, shortest_seconds: float, longest_seconds: float, random: Callable[[], float]) -> None:
        """Begin at `shortest_seconds`; `random` returns numbers from 0 to 1, as `random.Random().random` does."""
        self._shortest_seconds = shortest_seconds
        self._longest_seconds = longest_seconds
        self._random = random
        self._ceiling_seconds = shortest_seconds

    def next_seconds(self) -> float:
        """Return the next delay in seconds."""
        ceiling_seconds = self._ceiling_seconds
        self._ceiling_seconds = min(2 * ceiling_seconds, self._longest_seconds)
        return ceiling_seconds * (1 + self._random()) / 2

    def reset(self) -> None:
        """Begin again with the shortest delay."""
        self._ceiling_seconds = self._shortest_seconds


def reconnecting(random: Callable[[], float]) -> Backoff:
    """Return the delays between tries to reach a broker: from half a second to 15 seconds."""
    return Backoff(0.5, 15.0, random)
