"""A candle as a live feed has it now: complete, not complete yet, or not to be taken."""

from dataclasses import dataclass
from typing import TypeAlias

from shared.core.types import Candle


# Dataclasses, since tuples of two kinds with the same candle would be equal.
@dataclass(frozen=True, slots=True)
class Complete:
    """A candle that has ended."""

    candle: Candle

    @property
    def time(self) -> int:
        """Return the open time in seconds."""
        return self.candle.time


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A candle that goes on, as far as it has come."""

    candle: Candle

    @property
    def time(self) -> int:
        """Return the open time in seconds."""
        return self.candle.time


@dataclass(frozen=True, slots=True)
class Refused:
    """A candle that cannot be read: its open time in seconds, why in a sentence, and its text."""

    time: int
    reason: str
    raw: str


FedCandle: TypeAlias = Complete | Incomplete | Refused
