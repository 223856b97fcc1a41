"""What may be pruned: the tables whose rows grow with the market, and how far."""

from enum import StrEnum
from typing import NamedTuple


class Prunable(StrEnum):
    """A table whose old rows nobody needs to go on, nor to prove what is left."""

    CANDLES = "candles"
    ASSESSMENTS = "assessments"
    GATE_SNAPSHOTS = "gate_snapshots"
    EQUITY = "equity"
    CANDLE_GAPS = "candle_gaps"


# Tables whose rows follow from the candles; the rows of the others are of a time alone.
REPLAYED = (Prunable.CANDLES, Prunable.ASSESSMENTS, Prunable.GATE_SNAPSHOTS, Prunable.EQUITY)


class Old(NamedTuple):
    """The rows of a table up to the place of a candle, and that end before a time where they have no place."""

    table: Prunable
    seq: int
    time: int
