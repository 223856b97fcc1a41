"""Rows of the market: candles, what was refused or is missing, and how each candle was judged."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.core.types import GATE_NAMES, PASSED, REASON_NAMES, Reason, Side


class RejectedCandleRow(NamedTuple):
    """One input row that was refused: where it stood, why, and its text."""

    source: str
    line: int
    reason: str
    raw: str
    pair: str


class CandleGapRow(NamedTuple):
    """Candles missing from `from_time` until before `to_time` (open times); `kind` is a GapKind.

    Of a weekend none is missing: only candles of an open market count.
    """

    pair: str
    granularity_seconds: int
    from_time: int
    to_time: int
    missing_candles: int
    kind: str


class Verdicts(NamedTuple):
    """What the seven gates said, in order: reasons, PASSED where one passed, and values and limits in words."""

    reasons: tuple[Reason, ...]
    values: tuple[str, ...]
    limits: tuple[str, ...]

    def in_words(self) -> list[dict[str, Any]]:
        """Return the verdicts as people and other programs are told them."""
        return [
            {"gate": gate, "passed": reason == PASSED, "reason": REASON_NAMES[reason], "value": value, "limit": limit}
            for gate, reason, value, limit in zip(GATE_NAMES, *self, strict=True)
        ]


class GateSnapshotRow(NamedTuple):
    """All seven verdicts of one judged candle.

    `time` is the decision time, `reason` that of the first failing gate, `failed_gates` the mask of all that failed;
    `indicators` are the figures of the candle's assessment by name, None where they were not valid yet.
    `params_version` is the version of the parameters, 0 for those that the run was begun with.
    """

    time: int
    pair: str
    strategy: str
    final_signal: Side
    reason: Reason
    failed_gates: int
    stream: str
    seq: int
    granularity_seconds: int
    candle_time: int
    verdicts: Verdicts
    indicators: Mapping[str, float | None]
    params_hash: str
    params_version: int = 0


class FunnelRow(NamedTuple):
    """How many judged candles had this reason and this mask of failed gates."""

    reason: Reason
    failed_gates: int
    candles: int
