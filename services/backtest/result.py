"""What a run over candles leaves behind: trades, open positions, the account's course and every candle's outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from shared.contracts.trades import ClosedTrade, Entry
from shared.core.columns import Integers
from shared.core.engine import OutcomeColumns
from shared.core.types import PASSED, REASON_NAMES, SL_TP, Side


class FillRules(NamedTuple):
    """How entries and exits are filled: `exit_mode` is SL_TP or TIMED; `hold_candles` is for TIMED alone.

    `optimistic` takes the profit first where one candle holds both the stop loss and the take profit.
    """

    exit_mode: int = SL_TP
    hold_candles: int = 5
    optimistic: bool = False


class OpenPosition(NamedTuple):
    """A position still open when the candles end; its last price in points, `unrealised` in quanta."""

    entry: Entry
    last_price: int
    unrealised: int


class PendingEntry(NamedTuple):
    """An entry decided on the last candle, for which there is no next candle to fill it at."""

    pair: str
    side: Side


@dataclass(frozen=True)
class BacktestResult:
    """The outcome of a run; money in quanta, times in seconds, columns in the order in which candles were settled.

    `trades` are in the order of their exits; `start_time` is the open time of the first candle. `fx_days` number the
    days by which figures are reckoned, whatever day the loss limit goes by. `unconverted` counts the orders that were
    refused for want of a conversion rate, by pair.
    """

    rules: FillRules
    trades: tuple[ClosedTrade, ...]
    open_positions: tuple[OpenPosition, ...]
    pending_entries: tuple[PendingEntry, ...]
    start_balance: int
    balance: int
    equity: int
    start_time: int
    decision_times: Integers
    fx_days: Integers
    outcomes: OutcomeColumns
    unconverted: Mapping[str, int]

    @property
    def candles(self) -> int:
        """Return the number of candles that were settled."""
        return len(self.decision_times)

    @property
    def net(self) -> int:
        """Return the profit of all closed trades, in quanta."""
        return self.balance - self.start_balance

    @property
    def end_time(self) -> int:
        """Return the decision time of the last candle."""
        return int(self.decision_times[-1])

    @property
    def ambiguous_trades(self) -> int:
        """Return how many trades were closed by a candle that held both their stop loss and their take profit."""
        return sum(trade.exit.ambiguous for trade in self.trades)

    @property
    def refusals(self) -> Mapping[str, int]:
        """Return how many orders were refused, by reason."""
        counts = np.bincount(self.outcomes.refusal, minlength=len(REASON_NAMES)).tolist()
        return {REASON_NAMES[reason]: count for reason, count in enumerate(counts) if count and reason != PASSED}
