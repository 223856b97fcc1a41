"""Rows of the market: candles, what was refused or is missing, and how each candle was judged."""

from typing import NamedTuple

from shared.core.types import Reason, Side


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


class AssessmentRow(NamedTuple):
    """What the market alone says of one candle; `body_json` is the whole fact for consumers that missed its message."""

    stream: str
    seq: int
    pair: str
    candle_time: int
    strategy: str
    params_hash: str
    body_json: str


class GateSnapshotRow(NamedTuple):
    """All seven verdicts of one judged candle.

    `time` is the decision time, `reason` that of the first failing gate, `failed_gates` the mask of all that failed;
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
    verdicts_json: str
    indicators_json: str
    params_hash: str
    params_version: int = 0


class FunnelRow(NamedTuple):
    """How many judged candles had this reason and this mask of failed gates."""

    reason: Reason
    failed_gates: int
    candles: int
