"""The gate funnel: how many candles each gate stopped first, and how many it failed in total."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.core.types import GATE_NAMES, HOLD_BIT

_ALL_GATES: Final = (1 << len(GATE_NAMES)) - 1


class GateCount(NamedTuple):
    """One gate's share: candles that it stopped before any later gate, and candles that it failed in total."""

    gate: int
    name: str
    stopped_first: int
    failed: int


def gate_counts(candles_by_mask: Mapping[int, int]) -> tuple[GateCount, ...]:
    """Count the gates' verdicts, given how many candles had each mask of failed gates; held candles come before all."""
    judged = {mask & _ALL_GATES: 0 for mask in candles_by_mask}
    failed = dict(judged)
    for mask, candles in candles_by_mask.items():
        failed[mask & _ALL_GATES] += candles
        if not mask & HOLD_BIT:
            judged[mask & _ALL_GATES] += candles
    return tuple(
        GateCount(
            gate=number,
            name=name,
            stopped_first=sum(candles for mask, candles in judged.items() if mask & -mask == 1 << (number - 1)),
            failed=sum(candles for mask, candles in failed.items() if mask & (1 << (number - 1))),
        )
        for number, name in enumerate(GATE_NAMES, start=1)
    )


def passed_all(candles_by_mask: Mapping[int, int]) -> int:
    """Return how many candles passed all gates and were not held."""
    return candles_by_mask.get(0, 0)
