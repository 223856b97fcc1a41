"""The gate funnel: how many candles each gate stopped first, and how many it failed in total."""

from dataclasses import dataclass

import numpy as np

from services.backtest.result import BacktestResult
from shared.contracts.funnel import GateCount, gate_counts, passed_all


@dataclass(frozen=True)
class Funnel:
    """The gates in order, and what became of the candles that passed all of them.

    In `sl_tp` every such candle is an entry or a refusal. In `time_exit` the entry follows at the next candle's open,
    so one may also be left over at the end or be dropped by a halt.
    """

    candles: int
    gates: tuple[GateCount, ...]
    passed: int
    entries: int
    left_over: int


def gate_funnel(result: BacktestResult) -> Funnel:
    """Count the gates' verdicts over all candles of a run."""
    # A mask of failures has few values, so the candles are counted once and the gates from those few counts.
    of_mask = {mask: int(candles) for mask, candles in enumerate(np.bincount(result.outcomes.failed)) if candles}
    return Funnel(
        candles=result.candles,
        gates=gate_counts(of_mask),
        passed=passed_all(of_mask),
        entries=len(result.trades) + len(result.open_positions),
        left_over=len(result.pending_entries),
    )
