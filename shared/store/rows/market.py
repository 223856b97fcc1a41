"""Rows of the market: candles, what was refused or is missing, and how each candle was judged."""

from collections.abc import Mapping
from typing import NamedTuple

from shared.core.types import PASSED, REASON_NAMES, Reason, Side


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


class VerdictRow(NamedTuple):
    """What one gate said of a candle: its reason, PASSED where it passed, and its value and limit in words."""

    gate: str
    reason: Reason
    value: str
    limit: str

    def in_words(self) -> dict[str, str | bool]:
        """Return the verdict as people and other programs are told it."""
        return {
            "gate": self.gate,
            "passed": self.reason == PASSED,
            "reason": REASON_NAMES[self.reason],
            "value": self.value,
            "limit": self.limit,
        }


class GateSnapshotRow(NamedTuple):
    """All seven verdicts of one judged candle, in order.

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
    verdicts: tuple[VerdictRow, ...]
    indicators: Mapping[str, float | None]
    params_hash: str
    params_version: int = 0


class FunnelRow(NamedTuple):
    """How many judged candles had this reason and this mask of failed gates."""

    reason: Reason
    failed_gates: int
    candles: int
