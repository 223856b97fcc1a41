"""What a live feed of candles must be able to do."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from shared.contracts.errors import InfrastructureError
from shared.contracts.feed import FedCandle


class FeedRefusedError(InfrastructureError):
    """The feed answered before and refuses now, which may pass; `seconds` is for how long it does so already."""

    def __init__(self, sentence: str, seconds: float) -> None:
        """Keep how long it has lasted."""
        super().__init__(sentence)
        self.seconds = seconds


class Source(Protocol):
    """A feed of candles of one granularity, oldest first in every answer.

    Every method raises InfrastructureError or MessageError where asking again may help, and InputError where it cannot.
    """

    def latest(self, pairs: Sequence[str]) -> Mapping[str, Sequence[FedCandle]]:
        """Return the last complete candle of each pair and the current one, in as few requests as can be."""
        ...

    def since(self, pair: str, time: int, count: int) -> Sequence[FedCandle]:
        """Return a pair's candles from an open time on, at least `count` unless there are no more until now."""
        ...

    def history(self, pair: str, count: int) -> Sequence[FedCandle]:
        """Return a pair's last `count` complete candles, or as many as there are, and the current one if there is."""
        ...

    def server_time(self) -> float:
        """Return the feed's own time now, in seconds since the epoch; cheap enough to be asked with every poll."""
        ...
